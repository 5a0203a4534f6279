//! Where builtins differ from OPA's on purpose or by nature, stated once, for the documentation's table.

/// One difference from OPA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The builtins that it is about; a name that ends in `*` stands for every name that begins so.
    pub builtins: &'static [&'static str],
    /// What differs.
    pub text: &'static str,
}

impl Difference {
    /// Whether it is about this builtin.
    pub fn is_about(&self, builtin: &str) -> bool {
        self.builtins.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => builtin.starts_with(start),
            None => *pattern == builtin,
        })
    }
}

/// Every known difference, in the kernel and on the host's side.
pub static DIFFERENCES: &[Difference] = &[
    Difference {
        builtins: &["replace", "strings.replace_n"],
        text: "an empty text to replace stands between characters, not bytes",
    },
    Difference {
        builtins: &["base64.decode", "base64url.decode", "hex.decode", "urlquery.decode", "urlquery.decode_object"],
        text: "bytes that are not UTF-8 become replacement characters at once",
    },
    Difference {
        builtins: &["to_number"],
        text: "`+5`, `.5`, `5.` and `007` give JSON's notation; hexadecimal and underscores are undefined",
    },
    Difference { builtins: &["json.unmarshal", "json.is_valid"], text: "half a surrogate pair is refused" },
    Difference {
        builtins: &["glob.match"],
        text: "the documented meaning where OPA's library strays from it: `***`, `*` beside braces, empty or open braces, \
               classes and other characters than ASCII, `?` and `[!a]` on the empty text",
    },
    Difference { builtins: &["sprintf"], text: "no `%b`, `%x` and `%X` of a number that is no integer" },
    Difference {
        builtins: &["plus", "minus", "mul", "div", "rem", "abs", "round", "ceil", "floor", "bits.*", "sum", "product"],
        text: "at most 10,000 digits and powers of ten up to 100,000",
    },
    Difference { builtins: &["numbers.range", "numbers.range_step"], text: "at most 10,000,000 numbers" },
    Difference { builtins: &["net.cidr_expand"], text: "at most 2^20 addresses" },
    Difference { builtins: &["regex.*", "re_match"], text: "patterns of at most 64 KiB and 200 nested groups" },
    Difference {
        builtins: &["graphql.*"],
        text: "text of at most 1 MiB, trees of at most 240 levels, 300 selections and fragments within each other, 3,000,000 \
               steps of validation; beyond that the decision ends with an error. What a tree says of its own validation \
               (`Definition`, `ObjectDefinition`, `ExpectedType` …) is not read",
    },
    Difference { builtins: &["print", "internal.print"], text: "nothing is printed at decision time" },
    Difference {
        builtins: &["internal.test_case"],
        text: "cannot be had: OPA's test runner puts it into tests, no policy can write it",
    },
    Difference {
        builtins: &["rego.parse_module"],
        text: "in hosts with the feature `compiler` only: a host that decides contains no parser; messages of syntax errors \
               are worded differently",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        let about = |name: &str| DIFFERENCES.iter().filter(|difference| difference.is_about(name)).count();
        assert_eq!(about("graphql.parse_query"), 1);
        assert_eq!(about("bits.and"), 1);
        assert_eq!(about("count"), 0);
    }
}
