//! The options of `crypto.x509.parse_and_verify_certificates_with_options`.

use std::collections::BTreeMap;

use crate::operand::int64;
use crate::value::Value;

/// What a chain is verified for.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// The host that the leaf must name; empty for none.
    pub(super) dns_name: String,
    /// Nanoseconds since 1970; now if `None`.
    pub(super) time: Option<i64>,
    /// Go's numbers; server authentication if there are none.
    pub(super) key_usages: Vec<i64>,
}

const USAGES: [&str; 14] = [
    "KeyUsageAny",
    "KeyUsageServerAuth",
    "KeyUsageClientAuth",
    "KeyUsageCodeSigning",
    "KeyUsageEmailProtection",
    "KeyUsageIPSECEndSystem",
    "KeyUsageIPSECTunnel",
    "KeyUsageIPSECUser",
    "KeyUsageTimeStamping",
    "KeyUsageOCSPSigning",
    "KeyUsageMicrosoftServerGatedCrypto",
    "KeyUsageNetscapeServerGatedCrypto",
    "KeyUsageMicrosoftCommercialCodeSigning",
    "KeyUsageMicrosoftKernelCodeSigning",
];

impl Options {
    /// # Errors
    /// OPA's text.
    pub(super) fn parse(entries: &BTreeMap<Value, Value>) -> Result<Self, String> {
        let mut options = Self::default();
        for (key, value) in entries {
            let Value::String(key) = key else { continue };
            match key.as_str() {
                "DNSName" => match value {
                    Value::String(name) => name.trim_matches('"').clone_into(&mut options.dns_name),
                    _ => return Err("'DNSName' should be a string".to_owned()),
                },
                "CurrentTime" => options.time = Some(integer(value, "'CurrentTime'", "a valid int64 number")?),
                // Comparisons are bounded here whatever the policy says.
                "MaxConstraintComparisons" => {
                    integer(value, "'MaxConstraintComparisons'", "a valid number")?;
                }
                "KeyUsages" => options.key_usages = usages(value)?,
                _ => return Err("invalid key option".to_owned()),
            }
        }
        Ok(options)
    }
}

fn integer(value: &Value, name: &str, wanted: &str) -> Result<i64, String> {
    let Value::Number(number) = value else { return Err(format!("{name} should be a number")) };
    int64(number).ok_or_else(|| format!("{name} should be {wanted}"))
}

fn usages(value: &Value) -> Result<Vec<i64>, String> {
    let Some(elements) = value.elements() else { return Err("'KeyUsages' should be an Array or Set".to_owned()) };
    let (mut usages, mut invalid) = (Vec::new(), Vec::new());
    for text in elements.filter_map(Value::as_str) {
        let text = text.trim_matches('"');
        match USAGES.iter().position(|usage| *usage == text).and_then(|number| i64::try_from(number).ok()) {
            Some(number) => usages.push(number),
            None => invalid.push(text),
        }
    }
    if invalid.is_empty() {
        return Ok(usages);
    }
    Err(format!("invalid entries for 'KeyUsages' found: [{}]", invalid.join(" ")))
}
