//! When to make which certificate: a pure function of what is stored, what is wanted, and the time.

use std::fmt;

use jiff::{Timestamp, ToSpan};

use super::super::issue::{issue, issue_ca, issue_leaf};
use super::super::pem::{certificates, certified_key, facts, is_signed_by};

/// A serving certificate is renewed when this little of its 90 days is left.
const LEAF_RENEW_HOURS: i64 = 30 * 24;

/// A CA gets a successor when this little of its ten years is left. It must be more than the life of a serving
/// certificate: until the successor signs, everybody has long had it in the bundle.
const CA_RENEW_HOURS: i64 = 365 * 24;

/// What the Secret holds, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Material {
    /// The CA that signs now, followed by those before it that are still valid.
    pub(super) ca: String,
    /// Key of the first CA.
    pub(super) ca_key: String,
    pub(super) cert: String,
    pub(super) key: String,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("keys", &"[redacted]")
            .finish_non_exhaustive()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Keep,
    Write { why: &'static str, material: Material },
}

/// Decides what to write, if anything.
pub(super) fn plan(stored: Option<&Material>, names: &[String], now: Timestamp) -> Result<Step, String> {
    let fresh = |why| {
        let issued = issue(names, now).map_err(|error| error.to_string())?;
        let material = Material {
            ca: issued.ca_pem,
            ca_key: issued.ca_key_pem,
            cert: issued.cert_pem,
            key: issued.key_pem,
        };
        Ok(Step::Write { why, material })
    };
    let Some(stored) = stored else {
        return fresh("there was none");
    };
    let Some(ca) = Ca::read(stored, now) else {
        return fresh("the CA was unusable or expired");
    };
    if ca.expires_soon {
        // The serving certificate stays: it is signed by the old CA, which stays in the bundle.
        let (pem, key) = issue_ca(now).map_err(|error| error.to_string())?;
        let material = Material {
            ca: pem + &ca.bundle,
            ca_key: key,
            ..stored.clone()
        };
        return Ok(Step::Write {
            why: "the CA expires within a year",
            material,
        });
    }
    let Some(why) = leaf_problem(stored, &ca, names, now) else {
        return Ok(Step::Keep);
    };
    let (cert, key) = issue_leaf(&ca.first, &stored.ca_key, names, now).map_err(|error| error.to_string())?;
    Ok(Step::Write {
        why,
        material: Material {
            ca: ca.bundle,
            ca_key: stored.ca_key.clone(),
            cert,
            key,
        },
    })
}

/// The stored CAs that still count.
struct Ca {
    /// The one that signs.
    first: String,
    /// All that are valid, the first included.
    bundle: String,
    certificates: Vec<rustls::pki_types::CertificateDer<'static>>,
    expires_soon: bool,
}

impl Ca {
    /// `None` when the first CA cannot sign any more: no certificate, not its key, expired.
    fn read(stored: &Material, now: Timestamp) -> Option<Self> {
        let all = certificates(&stored.ca).ok()?;
        let first = all.first()?.clone();
        let not_after = facts(&first).ok()?.not_after;
        if not_after <= now {
            return None;
        }
        let first = to_pem(&first);
        certified_key(&first, &stored.ca_key).ok()?;
        let certificates: Vec<_> = all
            .into_iter()
            .filter(|der| facts(der).is_ok_and(|facts| facts.not_after > now))
            .collect();
        let bundle = certificates.iter().map(to_pem).collect();
        Some(Self {
            first,
            bundle,
            certificates,
            expires_soon: not_after <= later(now, CA_RENEW_HOURS),
        })
    }
}

fn leaf_problem(stored: &Material, ca: &Ca, names: &[String], now: Timestamp) -> Option<&'static str> {
    if certified_key(&stored.cert, &stored.key).is_err() {
        return Some("the certificate was unusable");
    }
    let leaf = certificates(&stored.cert).ok()?.into_iter().next()?;
    let Ok(facts) = facts(&leaf) else {
        return Some("the certificate was unusable");
    };
    let mut wanted = names.to_vec();
    wanted.sort();
    wanted.dedup();
    if facts.names != wanted {
        return Some("the names changed");
    }
    if facts.not_after <= later(now, LEAF_RENEW_HOURS) {
        return Some("the certificate expires within a month");
    }
    let trusted = ca.certificates.iter().any(|ca| is_signed_by(&leaf, ca));
    (!trusted).then_some("the certificate was not signed by a known CA")
}

fn later(now: Timestamp, hours: i64) -> Timestamp {
    now.saturating_add(hours.hours()).unwrap_or(Timestamp::MAX)
}

fn to_pem(der: &rustls::pki_types::CertificateDer<'static>) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["webhook.ns.svc".into(), "webhook.ns.svc.cluster.local".into()]
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    fn written(step: Step) -> (&'static str, Material) {
        match step {
            Step::Write { why, material } => (why, material),
            Step::Keep => panic!("nothing was written"),
        }
    }

    fn first() -> Material {
        written(plan(None, &names(), day(0)).unwrap()).1
    }

    fn count(pem: &str) -> usize {
        certificates(pem).unwrap().len()
    }

    #[test]
    fn a_fresh_certificate_is_kept_until_a_month_before_its_end() {
        let material = first();
        for keep in [0, 1, 59] {
            assert_eq!(
                plan(Some(&material), &names(), day(keep)),
                Ok(Step::Keep),
                "day {keep}"
            );
        }
        let (why, renewed) = written(plan(Some(&material), &names(), day(61)).unwrap());
        assert_eq!(why, "the certificate expires within a month");
        assert_eq!(
            (&renewed.ca, &renewed.ca_key),
            (&material.ca, &material.ca_key),
            "the CA stays"
        );
        assert_ne!((&renewed.cert, &renewed.key), (&material.cert, &material.key));
        assert_eq!(plan(Some(&renewed), &names(), day(61)), Ok(Step::Keep));
    }

    #[test]
    fn other_names_mean_another_certificate_and_their_order_does_not() {
        let material = first();
        let mut turned = names();
        turned.reverse();
        assert_eq!(plan(Some(&material), &turned, day(1)), Ok(Step::Keep));
        let other = vec![
            "other.ns.svc".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        let (why, renewed) = written(plan(Some(&material), &other, day(1)).unwrap());
        assert_eq!(why, "the names changed");
        assert_eq!(plan(Some(&renewed), &other, day(1)), Ok(Step::Keep));
    }

    #[test]
    fn an_old_ca_gets_a_successor_and_both_are_trusted_until_the_old_one_ends() {
        let mut material = first();
        // Renewed every 60 days as it would be, up to the last year of the CA.
        let mut today = 0;
        let (why, both) = loop {
            today += 60;
            let (why, next) = written(plan(Some(&material), &names(), day(today)).unwrap());
            if next.ca != material.ca {
                break (why, next);
            }
            material = next;
        };
        assert_eq!(why, "the CA expires within a year");
        assert!(today > 3650 - 365 - 61, "not before its last year: day {today}");
        assert_eq!(
            (count(&both.ca), &both.cert),
            (2, &material.cert),
            "the leaf of the old CA is served on"
        );
        let leaf = |material: &Material| certificates(&material.cert).unwrap().remove(0);
        let cas = certificates(&both.ca).unwrap();
        assert!(!is_signed_by(&leaf(&both), &cas[0]) && is_signed_by(&leaf(&both), &cas[1]));

        let (_, next) = written(plan(Some(&both), &names(), day(today + 60)).unwrap());
        assert_eq!(count(&next.ca), 2);
        assert!(
            is_signed_by(&leaf(&next), &cas[0]),
            "the next leaf comes from the new CA"
        );
        let (_, last) = written(plan(Some(&next), &names(), day(3700)).unwrap());
        assert_eq!(count(&last.ca), 1, "the expired CA leaves the bundle");
        assert_eq!(plan(Some(&last), &names(), day(3700)), Ok(Step::Keep));
    }

    #[test]
    fn damage_is_repaired() {
        let (good, other) = (first(), first());
        let table = [
            (
                Material {
                    ca: "x".into(),
                    ..good.clone()
                },
                "the CA was unusable or expired",
            ),
            (
                Material {
                    ca_key: other.ca_key.clone(),
                    ..good.clone()
                },
                "the CA was unusable or expired",
            ),
            (
                Material {
                    key: other.key.clone(),
                    ..good.clone()
                },
                "the certificate was unusable",
            ),
            (
                Material {
                    cert: String::new(),
                    ..good.clone()
                },
                "the certificate was unusable",
            ),
            (
                Material {
                    cert: other.cert.clone(),
                    key: other.key.clone(),
                    ..good.clone()
                },
                "the certificate was not signed by a known CA",
            ),
        ];
        for (damaged, want) in table {
            let (why, repaired) = written(plan(Some(&damaged), &names(), day(1)).unwrap());
            assert_eq!(why, want);
            assert_eq!(plan(Some(&repaired), &names(), day(1)), Ok(Step::Keep), "{want}");
        }
        let (why, _) = written(plan(Some(&good), &names(), day(4000)).unwrap());
        assert_eq!(why, "the CA was unusable or expired");
    }

    #[test]
    fn keys_never_reach_a_log() {
        assert!(!format!("{:?}", first()).contains("PRIVATE"));
    }
}
