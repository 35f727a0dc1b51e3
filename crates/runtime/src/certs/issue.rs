//! Making certificates.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// Life of a CA. Unit: days. Clients get a new one through the bundle long before.
pub(super) const CA_DAYS: i64 = 3650;

/// Life of a serving certificate. Unit: days.
pub(super) const LEAF_DAYS: i64 = 90;

/// A CA and a certificate made by it, all as PEM.
#[derive(Clone)]
pub struct Issued {
    /// The CA's certificate.
    pub ca_pem: String,
    /// The CA's private key.
    pub ca_key_pem: String,
    /// The serving certificate.
    pub cert_pem: String,
    /// Its private key.
    pub key_pem: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued")
            .field("keys", &"[redacted]")
            .finish_non_exhaustive()
    }
}

/// Makes a CA and a serving certificate for `names` (DNS names or IP addresses). Takes well below a millisecond.
///
/// # Errors
///
/// When a name is not one a certificate can carry.
pub fn issue(names: &[String], now: Timestamp) -> Result<Issued, rcgen::Error> {
    let (ca_pem, ca_key_pem) = issue_ca(now)?;
    let (cert_pem, key_pem) = issue_leaf(&ca_pem, &ca_key_pem, names, now)?;
    Ok(Issued {
        ca_pem,
        ca_key_pem,
        cert_pem,
        key_pem,
    })
}

/// A CA certificate and its key.
pub(super) fn issue_ca(now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // The date tells a CA from its successor, for people and for clients that look issuers up by name.
    params.distinguished_name = named(&format!("cadastre webhook CA {}", now.strftime("%Y-%m-%d")));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_life(&mut params, now, CA_DAYS);
    let cert = params.self_signed(&key)?;
    Ok((cert.pem(), key.serialize_pem()))
}

/// A serving certificate and its key.
pub(super) fn issue_leaf(
    ca_pem: &str,
    ca_key_pem: &str,
    names: &[String],
    now: Timestamp,
) -> Result<(String, String), rcgen::Error> {
    let issuer = Issuer::from_ca_cert_pem(ca_pem, KeyPair::from_pem(ca_key_pem)?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = named(names.first().map_or("cadastre", String::as_str));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_life(&mut params, now, LEAF_DAYS);
    let cert = params.signed_by(&key, &issuer)?;
    Ok((cert.pem(), key.serialize_pem()))
}

fn named(name: &str) -> DistinguishedName {
    let mut full = DistinguishedName::new();
    // RFC 5280 ub-common-name: 64 characters.
    full.push(DnType::CommonName, name.chars().take(64).collect::<String>());
    full
}

/// Valid from yesterday, because clocks of clients differ, for `days` from today.
fn set_life(params: &mut CertificateParams, now: Timestamp, days: i64) {
    let today = now.to_zoned(TimeZone::UTC).date();
    let yesterday = today.saturating_sub(1.day());
    let last = today.saturating_add(days.days());
    let at = |date: jiff::civil::Date| {
        // A civil date is always in range: months 1 to 12, days 1 to 31.
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(date.year().into(), month, day)
    };
    (params.not_before, params.not_after) = (at(yesterday), at(last));
}
