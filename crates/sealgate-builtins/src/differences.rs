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
        builtins: &["base64.decode", "base64url.decode", "hex.decode", "urlquery.decode", "urlquery.decode_object"],
        text: "bytes that are not UTF-8 become replacement characters at once",
    },
    Difference {
        builtins: &["to_number"],
        text: "`+5`, `.5`, `5.` and `007` give JSON's notation; hexadecimal and underscores are undefined",
    },
    Difference {
        builtins: &["glob.match"],
        text: "the documented meaning where OPA's library strays from it: `***`, `*` beside braces, empty or open braces, \
               classes and other characters than ASCII, `?` and `[!a]` on the empty text",
    },
    Difference { builtins: &["sprintf"], text: "no address (`%p`) of an integer of more than 64 bits" },
    Difference {
        builtins: &["lower", "upper", "sprintf", "regex.*", "re_match"],
        text: "letters and classes of a later Unicode than the 15 that OPA has",
    },
    Difference {
        builtins: &["regex.template_match"],
        text: "a template is read with the delimiters of each call, where OPA may use those of an earlier one",
    },
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
    Difference {
        builtins: &["time.*"],
        text: "the zone `Local` is UTC; zones are those of the database inside the program, whatever the machine has; layouts \
               and times of at most 64 KiB",
    },
    Difference {
        builtins: &["yaml.*"],
        text: "the syntax is read as YAML 1.2 has it (scalars as 1.1, like OPA): U+2028 and U+2029 break no lines, a tab may \
               stand where a line's first token does; at most 200 levels, 4,000,000 nodes and 16 MiB",
    },
    Difference {
        builtins: &["yaml.marshal"],
        text: "keys that OPA's library gives in no certain order, such as `01`, `12:30` and `1E4` together, have one",
    },
    Difference {
        builtins: &["json.match_schema", "json.verify_schema"],
        text: "errors come in the order of names, where OPA's come in none; nothing is fetched, the drafts' own schemas neither; \
               schemas of at most 64 levels and 100,000 subschemas, 1,000,000 steps; an email address has no comments or groups",
    },
    Difference {
        builtins: &["strings.render_template"],
        text: "no complex and no hexadecimal floating-point constants, no `%#v` and no argument indexes in `printf`; at most \
               100 levels, 1,000,000 steps, 1 MiB of template and 16 MiB of text",
    },
    Difference { builtins: &["rand.intn"], text: "the smallest integer of 64 bits is an error, which ends OPA" },
    Difference { builtins: &["print"], text: "the compiler leaves it out, as `opa build` does" },
    Difference {
        builtins: &["internal.print"],
        text: "goes to the host's output, if there is one; at most 10,000 lines a call",
    },
    Difference {
        builtins: &["io.jwt.*"],
        text: "tokens and keys of at most 1 MiB, RSA moduli of 1024 to 8192 bits; ECDSA signs without randomness (RFC 6979); \
               `alg` has its names of RFC 7518 only, and no JWK has X448 or Ed448",
    },
    Difference {
        builtins: &["crypto.x509.*", "crypto.parse_private_keys"],
        text: "at most 1 MiB, 256 certificates, 16 private keys, integers of 4 KiB and 250,000 comparisons with name \
               constraints whatever `MaxConstraintComparisons` says; no P-224; object identifiers of policies have arcs of 28 \
               bits",
    },
    Difference {
        builtins: &["http.send"],
        text: "only to the hosts of the allow-list and, unless the host says otherwise, to public addresses; no Unix sockets; \
               files and environment variables only where the host allows them; bodies of at most 4 MiB, at most 60 s, 10 \
               redirects and 16 retries; `status` has the standard's reason, not the server's; the message of a network error \
               is worded differently; answers are cached up to 32 MiB for one grant of the network",
    },
    Difference { builtins: &["net.lookup_ip_addr"], text: "only the hosts of the allow-list; within 5 s" },
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
