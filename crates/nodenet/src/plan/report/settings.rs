//! `spec.report` of the NMState object (spec §11.2).

use api::nmstate::operator::Report;
pub use api::nmstate::operator::Section;

use crate::plan::document::Problem;
use crate::plan::matching::{Glob, SETTLE_SECONDS};

/// How a node is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSettings {
    /// Interfaces that nobody manages and whose name fits are left out.
    pub exclude_interfaces: Vec<Glob>,
    /// Parts that are left out.
    pub exclude_sections: Vec<Section>,
    /// Seconds between two writes, at least.
    pub min_interval_seconds: u32,
    /// Seconds until the state is queried again whatever happened.
    pub max_interval_seconds: u32,
    /// Bytes of JSON above which the report is shrunk.
    pub max_bytes: usize,
    /// Whether we listen for LLDP ourselves.
    pub lldp: bool,
    /// Whether we announce ourselves by LLDP.
    pub lldp_transmit: bool,
    /// Seconds announcements must stay the same before they count.
    pub settle_seconds: u32,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            exclude_interfaces: Vec::new(),
            exclude_sections: Vec::new(),
            min_interval_seconds: 5,
            max_interval_seconds: 60,
            max_bytes: 1_000_000,
            lldp: true,
            lldp_transmit: false,
            settle_seconds: SETTLE_SECONDS,
        }
    }
}

impl ReportSettings {
    /// Reads `spec.report` of NMState; what is absent takes its default.
    ///
    /// # Errors
    /// Every value that cannot be used.
    pub fn of(report: Option<&Report>) -> Result<Self, Vec<Problem>> {
        let default = Self::default();
        let Some(report) = report else { return Ok(default) };
        let mut problems = Vec::new();
        let mut exclude_interfaces = Vec::new();
        for text in &report.exclude_interfaces {
            match Glob::parse(text) {
                Ok(glob) => exclude_interfaces.push(glob),
                Err(error) => problems.push(Problem::new("spec.report.excludeInterfaces", error.to_string())),
            }
        }
        let mut seconds = |key: &str, given: Option<i32>, default: u32| {
            let Some(given) = given else { return default };
            u32::try_from(given).unwrap_or_else(|_| {
                problems.push(Problem::new(
                    format!("spec.report.{key}"),
                    format!("{given} is less than 0"),
                ));
                default
            })
        };
        let settings = Self {
            exclude_interfaces,
            exclude_sections: report.exclude_sections.clone(),
            min_interval_seconds: seconds(
                "minIntervalSeconds",
                report.min_interval_seconds,
                default.min_interval_seconds,
            ),
            max_interval_seconds: seconds(
                "maxIntervalSeconds",
                report.max_interval_seconds,
                default.max_interval_seconds,
            ),
            settle_seconds: seconds("settleSeconds", report.settle_seconds, default.settle_seconds),
            max_bytes: report
                .max_bytes
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(default.max_bytes),
            lldp: report.lldp.unwrap_or(default.lldp),
            lldp_transmit: report.lldp_transmit.unwrap_or(default.lldp_transmit),
        };
        if settings.max_interval_seconds < settings.min_interval_seconds.max(1) {
            let message = format!(
                "{} is less than minIntervalSeconds or 1; nothing would ever be due",
                settings.max_interval_seconds
            );
            problems.push(Problem::new("spec.report.maxIntervalSeconds", message));
        }
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(problems)
        }
    }
}
