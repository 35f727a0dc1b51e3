//! The machines we release for, and how to build a static binary for each.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    str::FromStr,
};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::{
    debian::{self, Tool},
    project,
    step::Step,
};

/// A machine of a release, by the name Go and the image registries use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    /// 64-bit x86.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

/// What it takes to build for another machine than this one.
const ARM_CC: Tool = Tool {
    program: "aarch64-linux-gnu-gcc",
    package: "gcc-aarch64-linux-gnu",
};
const ARM_LIBC: Tool = Tool {
    program: "../aarch64-linux-gnu/lib/libc.a",
    package: "libc6-dev-arm64-cross",
};

/// A program of the release, or beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// The cluster binary.
    Cadastre,
    /// The CNI plugins: small and quick to start.
    Cni,
    /// A program of the test kit, never shipped: built as the cluster binary is, so that both share what is compiled.
    Kit(&'static str),
}

impl Program {
    /// The file, and what release files are called after.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cadastre => "cadastre",
            Self::Cni => "cadastre-cni",
            Self::Kit(name) => name,
        }
    }

    const fn package(self) -> &'static str {
        match self {
            Self::Cadastre => "cadastre",
            Self::Cni => "cni",
            Self::Kit(_) => "testkit",
        }
    }

    /// The most bytes it may have: the plugins are read from disk for every pod (spec cni-ipam §1, the 3 MiB).
    const fn limit(self) -> usize {
        match self {
            Self::Cadastre | Self::Kit(_) => usize::MAX,
            Self::Cni => 3 << 20,
        }
    }

    /// Both are in the workspace's `Cargo.toml`.
    const fn profile(self) -> &'static str {
        match self {
            Self::Cadastre | Self::Kit(_) => "release",
            Self::Cni => "cni",
        }
    }
}

impl Arch {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// Name in image indexes (`GOARCH`).
    pub(crate) const fn oci_name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// What the compiler calls it.
    pub(crate) const fn triple(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The machine this runs on; `None` when we do not release for it.
    pub(crate) fn native() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::Amd64),
            "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// Builds a program and returns where it is.
    ///
    /// The triple is always named, because `crt-static` without it breaks procedural macros; the package is built
    /// alone, because others would switch features on in shared dependencies.
    ///
    /// # Errors
    /// When the compiler for this machine is missing or the build fails.
    pub(super) fn build(self, root: &Path, program: Program) -> Result<PathBuf> {
        let triple = self.triple();
        let mut cargo = project::cargo(root);
        cargo.args([
            "build",
            "--locked",
            "--profile",
            program.profile(),
            "--package",
            program.package(),
            "--bin",
            program.name(),
            "--target",
            triple,
        ]);
        // Flags from the environment would replace ours, and with them the static linking.
        cargo
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        let mut flags = vec![
            "-C".to_owned(),
            "target-feature=+crt-static".to_owned(),
            // Nobody needs to know where a release was built, and the same source then gives the same bytes.
            format!("--remap-path-prefix={}=/cadastre", root.display()),
            format!("--remap-path-prefix={}=/cargo", project::cargo_home()?.display()),
        ];
        flags.extend(
            self.link_arguments(program)
                .iter()
                .map(|argument| format!("-Clink-arg={argument}")),
        );
        let flags = json!(flags);
        cargo
            .arg("--config")
            .arg(format!("target.{triple}.rustflags={flags}"));
        if Self::native() != Some(self) {
            self.prepare_cross(root, &mut cargo)?;
        }
        let step = format!("build {} {self}", program.name());
        Step::new(step, "see the compiler's message above").run(&mut cargo)?;
        Ok(project::built(
            root,
            Some(triple),
            program.profile(),
            program.name(),
        ))
    }

    /// What makes the program smaller in memory: functions of the same code are one, and the table of addresses to adjust
    /// at the start, which is read as a whole, is packed. Only for `rust-lld`, the linker on x86.
    const fn link_arguments(self, program: Program) -> &'static [&'static str] {
        match (self, program) {
            (Self::Amd64, Program::Cadastre | Program::Kit(_)) => {
                &["-Wl,--icf=all", "-Wl,-z,pack-relative-relocs"]
            }
            // The plugins are small and hardly ever resident.
            (Self::Amd64, Program::Cni) | (Self::Arm64, _) => &[],
        }
    }

    fn prepare_cross(self, root: &Path, cargo: &mut Command) -> Result<()> {
        if self != Self::Arm64 {
            bail!("cannot cross-build for {self}; run this on such a machine");
        }
        debian::ensure(&[ARM_CC, ARM_LIBC])?;
        let remedy = format!(
            "install the standard library with `rustup target add {}`",
            self.triple()
        );
        let mut rustup = Command::new("rustup");
        Step::new("target", remedy).run(rustup.current_dir(root).args(["target", "add", self.triple()]))?;
        let linker = json!(ARM_CC.program);
        cargo
            .arg("--config")
            .arg(format!("target.{}.linker={linker}", self.triple()));
        // For the C files of `ring`.
        cargo.env(format!("CC_{}", self.triple().replace('-', "_")), ARM_CC.program);
        Ok(())
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.oci_name())
    }
}

impl FromStr for Arch {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "amd64" => Ok(Self::Amd64),
            "arm64" => Ok(Self::Arm64),
            _ => bail!("`{text}` is not a machine we release for; use amd64 or arm64"),
        }
    }
}

/// Refuses a program that has outgrown its purpose.
///
/// # Errors
/// When it is larger than it may be.
pub(super) fn check_small(program: Program, binary: &[u8]) -> Result<()> {
    if binary.len() > program.limit() {
        bail!(
            "{} has {} bytes, {} more than it may have; find what came in with `cargo bloat` or `nm --size-sort`",
            program.name(),
            binary.len(),
            binary.len() - program.limit()
        );
    }
    Ok(())
}

/// Refuses a binary that tells where it was built.
///
/// # Errors
/// When one of `folders` stands in its bytes.
pub(super) fn check_anonymous(binary: &[u8], folders: &[PathBuf]) -> Result<()> {
    for folder in folders {
        let needle = format!("{}/", folder.display());
        if binary
            .windows(needle.len())
            .any(|bytes| bytes == needle.as_bytes())
        {
            bail!("the binary names {needle}, a folder of this machine; find who embeds it with `strings`");
        }
    }
    Ok(())
}

/// Refuses a binary that asks for a dynamic loader: the image holds no libraries.
///
/// # Errors
/// When the bytes are not a little-endian 64-bit ELF file, or have a `PT_INTERP` segment.
pub(super) fn check_static(elf: &[u8]) -> Result<()> {
    const PT_INTERP: u64 = 3;
    if elf.get(..6) != Some(b"\x7fELF\x02\x01") {
        bail!("the build gave no 64-bit ELF file; this runs on Linux only");
    }
    let number = |offset: u64, bytes: usize| -> Result<u64> {
        let start = usize::try_from(offset)?;
        let field = elf
            .get(start..start.saturating_add(bytes))
            .context("the ELF file is cut short")?;
        Ok(field
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    // Program headers: offset at 32, size of one at 54, how many at 56 (System V ABI, ELF-64 header).
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for index in 0..count {
        if number(table.saturating_add(index * size), 4)? == PT_INTERP {
            bail!("the binary is linked dynamically; RUSTFLAGS overrides crt-static, so unset it");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with one program header of type `kind`.
    fn elf(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64] = kind;
        bytes
    }

    #[test]
    fn only_static_binaries_pass() {
        check_static(&elf(1)).unwrap();
        let error = check_static(&elf(3)).unwrap_err().to_string();
        assert!(error.contains("linked dynamically"), "{error}");
        assert!(check_static(b"#!/bin/sh\n").is_err());
        assert!(check_static(&elf(1)[..80].to_vec()[..63]).is_err());
    }

    #[test]
    fn this_test_is_dynamic_and_is_recognised() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(check_static(&own).is_err());
    }

    #[test]
    fn the_plugins_have_a_limit_and_the_cluster_binary_has_none() {
        let full = vec![0; 3 << 20];
        check_small(Program::Cni, &full).unwrap();
        let more = [full, vec![0]].concat();
        let error = check_small(Program::Cni, &more).unwrap_err().to_string();
        assert!(
            error.contains("cadastre-cni has 3145729 bytes, 1 more"),
            "{error}"
        );
        check_small(Program::Cadastre, &more).unwrap();
    }

    #[test]
    fn folders_of_the_builder_are_found() {
        let folders = [PathBuf::from("/build/me")];
        check_anonymous(b"panicked at /cadastre/crates/a.rs, /build/mean", &folders).unwrap();
        assert!(check_anonymous(b"panicked at /build/me/crates/a.rs", &folders).is_err());
    }

    #[test]
    fn machines_are_called_as_in_image_indexes() {
        for arch in [Arch::Amd64, Arch::Arm64] {
            assert_eq!(arch.to_string().parse::<Arch>().unwrap(), arch);
        }
        assert!("x86_64".parse::<Arch>().is_err());
    }
}
