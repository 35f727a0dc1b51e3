//! What a machine's configuration says, and what its type is called (§3.3).

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::facts::{Mac, Machine, MachineConfig, Sku, SystemUuid, is_label_value};

/// Base64 with or without `=` at the end: both are found in configurations.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Network devices of a machine are `net0` to `net31`.
const NETWORK_DEVICES: u8 = 32;

/// Reads a machine's configuration: option name to text, numbers as decimal text.
///
/// Never fails: an option that cannot be read counts as missing, so that one odd device does not hide the UUID.
#[must_use]
pub fn parse_config(options: &BTreeMap<String, String>) -> MachineConfig {
    let smbios = options.get("smbios1").map_or("", String::as_str);
    let field = |key| property(smbios, key).filter(|value| !value.is_empty());
    let nets = (0..NETWORK_DEVICES).filter_map(|number| options.get(&format!("net{number}")));
    MachineConfig {
        uuid: field("uuid").and_then(SystemUuid::new),
        sku: field("sku").map(|text| Sku {
            text: text.into(),
            base64: property(smbios, "base64").is_some_and(is_on),
        }),
        macs: nets.filter_map(|device| device_mac(device)).collect(),
    }
}

/// The value of `key` in a property string (`a=1,b=2`); keys ignore case, blanks around items are dropped.
///
/// An item is split at its *first* `=`, so a Base64 value keeps its padding (D11).
fn property<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    items(text).find_map(|(name, value)| value.filter(|_| name.eq_ignore_ascii_case(key)))
}

/// The items of a property string: name, and value unless it stands alone.
fn items(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(',').map(|item| match item.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (item.trim(), None),
    })
}

fn is_on(text: &str) -> bool {
    matches!(text, "1" | "on" | "yes" | "true")
}

/// `net0` is `<model>=<MAC>,…`, or has the address as `macaddr=`.
fn device_mac(text: &str) -> Option<Mac> {
    let (_, first) = items(text).next()?;
    property(text, "macaddr").or(first)?.parse().ok()
}

/// The name of a machine's type, and why it is not the SKU where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    /// A valid label value; `None` when the source did not tell the size.
    pub name: Option<String>,
    /// A SKU that cannot be a label value, decoded. A Warning event tells it.
    pub refused_sku: Option<String>,
}

/// The SKU if it can be a label value, else `<cpus>VCPU-<g>GB` (§3.3).
#[must_use]
pub fn instance_type(machine: &Machine, config: &MachineConfig) -> InstanceType {
    let sku = config.sku.as_ref().map(sku_name).filter(|name| !name.is_empty());
    match sku {
        Some(name) if is_sku(&name) && is_label_value(&name) => InstanceType {
            name: Some(name),
            refused_sku: None,
        },
        refused_sku => InstanceType {
            name: by_size(machine),
            refused_sku,
        },
    }
}

pub(super) fn by_size(machine: &Machine) -> Option<String> {
    let (cpus, gib) = (machine.max_cpu?, machine.max_mem? >> 30);
    Some(format!("{cpus}VCPU-{gib}GB"))
}

/// The SKU in clear: decoded when it says so or when it plainly is Base64, else as it stands.
#[must_use]
pub fn sku_name(sku: &Sku) -> String {
    let decoded = BASE64.decode(sku.text.as_bytes()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded {
        Some(name) if sku.base64 || is_sku(&name) => name,
        _ => sku.text.to_string(),
    }
}

/// The form of a SKU that the replaced controller accepts: `^[a-zA-Z0-9_.-]+$`. Not every one is a label value.
pub(super) fn is_sku(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(options: &[(&str, &str)]) -> MachineConfig {
        parse_config(
            &options
                .iter()
                .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_configuration_is_read_in_any_writing() {
        let read = config(&[
            (
                "smbios1",
                "base64=1, SKU = YzEubGFyZ2U= ,odd,UUID=11833F4C-341f-4bd3-aad7-f7abed000001",
            ),
            ("net1", "virtio,bridge=vmbr1,macaddr=BC:24:11:2E:C4:0B"),
            ("net0", "virtio=BC:24:11:2E:C4:0A,bridge=vmbr0,firewall=1"),
            ("net2", "virtio,bridge=vmbr2"),
            ("memory", "current=8192"),
        ]);
        assert_eq!(
            read.uuid.unwrap().as_str(),
            "11833F4C-341f-4bd3-aad7-f7abed000001"
        );
        assert_eq!(
            read.sku,
            Some(Sku {
                text: "YzEubGFyZ2U=".into(),
                base64: true
            })
        );
        let macs: Vec<String> = read.macs.iter().map(ToString::to_string).collect();
        assert_eq!(macs, ["bc:24:11:2e:c4:0a", "bc:24:11:2e:c4:0b"]);
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(config(&[]), MachineConfig::default());
        assert_eq!(
            config(&[("smbios1", "uuid=,sku= ,=,,"), ("net0", "")]),
            MachineConfig::default()
        );
    }
}
