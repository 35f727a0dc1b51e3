//! `spec.autoConfig` read (spec §17.4).

pub use api::nmstate::policy::{GroupBy, VlanName};
use serde_json::{Map, Value, json};

use crate::plan::document::{Problem, kind};

/// How automatic bonds are made.
#[derive(Clone, Debug, PartialEq)]
pub struct BondSettings {
    /// nmstate bond mode.
    pub mode: String,
    /// nmstate bond options.
    pub options: Map<String, Value>,
    /// The bond's name is this and the lowest VLAN id of its group.
    pub name_prefix: String,
    /// Fewer ports make no bond; 1 to 8.
    pub min_ports: usize,
    /// More ports stay out; 1 to 8.
    pub max_ports: usize,
    /// What ports of one bond must share.
    pub group_by: GroupBy,
    /// Whether VLAN interfaces are made upon the bond.
    pub create_vlans: bool,
    /// How these are called.
    pub vlan_name_from: VlanName,
    /// Whether a port may carry the default route or the node's address.
    pub allow_default_route: bool,
}

const MODES: [&str; 7] = [
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    "802.3ad",
    "balance-tlb",
    "balance-alb",
];

/// The kernel's limit of 15 characters, less the four digits of a VLAN id.
const PREFIX_LENGTH: usize = 11;

const KEYS: [&str; 9] = [
    "mode",
    "options",
    "namePrefix",
    "minPorts",
    "maxPorts",
    "groupBy",
    "createVlans",
    "vlanNameFrom",
    "allowDefaultRoute",
];

impl Default for BondSettings {
    fn default() -> Self {
        Self {
            mode: "active-backup".to_owned(),
            options: Map::new(),
            name_prefix: "bond".to_owned(),
            min_ports: 2,
            max_ports: 8,
            group_by: GroupBy::Vlan,
            create_vlans: false,
            vlan_name_from: VlanName::Id,
            allow_default_route: false,
        }
    }
}

impl BondSettings {
    /// Reads `spec.autoConfig`.
    ///
    /// # Errors
    /// Everything that is wrong; without an explicit `autoBonding: true` the block is refused.
    pub fn parse(auto_config: &Value) -> Result<Self, Vec<Problem>> {
        let mut read = Reader { problems: Vec::new() };
        let path = "spec.autoConfig";
        read.unknown(auto_config, path, &["autoBonding", "bond"]);
        if auto_config.get("autoBonding") != Some(&json!(true)) {
            let message = "must be true, or leave out spec.autoConfig: it does nothing else";
            read.problems
                .push(Problem::new(format!("{path}.autoBonding"), message));
        }
        let bond = auto_config.get("bond").unwrap_or(&Value::Null);
        let settings = read.bond(bond);
        if read.problems.is_empty() {
            Ok(settings)
        } else {
            Err(read.problems)
        }
    }
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn bond(&mut self, bond: &Value) -> BondSettings {
        let default = BondSettings::default();
        self.unknown(bond, "spec.autoConfig.bond", &KEYS);
        let settings = BondSettings {
            mode: self.one_of(bond, "mode", &MODES).unwrap_or(default.mode),
            options: self
                .get(bond, "options", "an object", Value::as_object)
                .cloned()
                .unwrap_or_default(),
            name_prefix: self.prefix(bond).unwrap_or(default.name_prefix),
            min_ports: self.count(bond, "minPorts").unwrap_or(default.min_ports),
            max_ports: self.count(bond, "maxPorts").unwrap_or(default.max_ports),
            group_by: match self
                .one_of(bond, "groupBy", &["Vlan", "VlanAndSystem"])
                .as_deref()
            {
                Some("VlanAndSystem") => GroupBy::VlanAndSystem,
                _ => default.group_by,
            },
            create_vlans: self
                .get(bond, "createVlans", "true or false", Value::as_bool)
                .unwrap_or_default(),
            vlan_name_from: match self.one_of(bond, "vlanNameFrom", &["Id", "Lldp"]).as_deref() {
                Some("Lldp") => VlanName::Lldp,
                _ => default.vlan_name_from,
            },
            allow_default_route: self
                .get(bond, "allowDefaultRoute", "true or false", Value::as_bool)
                .unwrap_or_default(),
        };
        if settings.min_ports > settings.max_ports {
            let message = format!(
                "{} is more than maxPorts, which is {}",
                settings.min_ports, settings.max_ports
            );
            self.complain("minPorts", message);
        }
        settings
    }

    fn unknown(&mut self, value: &Value, path: &str, known: &[&str]) {
        match value {
            Value::Null => {}
            Value::Object(object) => {
                for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
                    let message = format!("unknown key; known here are {}", known.join(", "));
                    self.problems.push(Problem::new(format!("{path}.{key}"), message));
                }
            }
            other => self.problems.push(Problem::new(
                path,
                format!("must be an object, not {}", kind(other)),
            )),
        }
    }

    fn complain(&mut self, key: &str, message: impl Into<String>) {
        self.problems
            .push(Problem::new(format!("spec.autoConfig.bond.{key}"), message));
    }

    fn get<'v, T>(
        &mut self,
        bond: &'v Value,
        key: &str,
        what: &str,
        read: fn(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = bond.get(key).filter(|value| !value.is_null())?;
        let found = read(value);
        if found.is_none() {
            self.complain(key, format!("must be {what}, not {}", kind(value)));
        }
        found
    }

    fn one_of(&mut self, bond: &Value, key: &str, words: &[&str]) -> Option<String> {
        let word = self.get(bond, key, "text", Value::as_str)?;
        if words.contains(&word) {
            return Some(word.to_owned());
        }
        self.complain(key, format!("{word:?} is not one of {}", words.join(", ")));
        None
    }

    fn count(&mut self, bond: &Value, key: &str) -> Option<usize> {
        let count = self.get(bond, key, "a number", Value::as_u64)?;
        if (1..=8).contains(&count) {
            return usize::try_from(count).ok();
        }
        self.complain(key, format!("{count} is not between 1 and 8"));
        None
    }

    fn prefix(&mut self, bond: &Value) -> Option<String> {
        let prefix = self.get(bond, "namePrefix", "text", Value::as_str)?;
        let fits = (1..=PREFIX_LENGTH).contains(&prefix.len())
            && prefix
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && !prefix.starts_with('.');
        if !fits {
            let message = format!(
                "{prefix:?} must have 1 to {PREFIX_LENGTH} letters, digits, '-', '_' or '.', for a VLAN id of four \
                 digits follows and interface names end at 15"
            );
            self.complain("namePrefix", message);
        }
        fits.then(|| prefix.to_owned())
    }
}
