//! Functions that emitted checks call, each written where a check needs it.

/// Which of the functions a module needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Prelude {
    pub(super) present: bool,
    pub(super) size: bool,
    pub(super) same_type: bool,
    pub(super) ordered: bool,
    pub(super) not_in: bool,
    pub(super) paths: bool,
}

impl Prelude {
    pub(super) fn write(&self, out: &mut String) {
        let texts = [
            (self.present, PRESENT),
            (self.size, SIZE),
            (self.same_type || self.not_in, SAME_TYPE),
            (self.ordered, ORDERED),
            (self.not_in, NOT_IN),
            (self.paths, PATHS),
        ];
        for (_, text) in texts.into_iter().filter(|(needed, _)| *needed) {
            out.push_str(text);
        }
    }
}

const PRESENT: &str = "
# Whether there is a value, whatever it is.
present(_)
";

const SIZE: &str = r#"
# How many elements, members or code points there are.
size(value) := count(value) if type_name(value) in {"array", "object", "string"}
"#;

const SAME_TYPE: &str = "
same_type(a, b) if type_name(a) == type_name(b)
";

const ORDERED: &str = "
# Whether two values have an order.
ordered(a, b) if {
	is_number(a)
	is_number(b)
}

ordered(a, b) if {
	is_string(a)
	is_string(b)
}
";

const NOT_IN: &str = "
# Whether a list is known not to hold a value: it is empty, or has others of the value's type.
not_in(_, list) if list == []

not_in(value, list) if {
	is_array(list)
	not value in list
	some item in list
	same_type(item, value)
}
";

const PATHS: &str = r#"
# The paths that an argument gives.
paths(value) := [value] if is_string(value)

paths(value) := value if {
	is_array(value)
	value != []
}

# A path in its one form; undefined where it leaves its root or means different files to different systems.
normalised(path) := "." if {
	resolved(path) == []
	not startswith(path, "/")
}

normalised(path) := concat("/", parts) if {
	parts := resolved(path)
	parts != []
	not startswith(path, "/")
}

normalised(path) := concat("", ["/", concat("/", parts)]) if {
	parts := resolved(path)
	startswith(path, "/")
}

resolved(path) := parts if {
	parts := segments(path)
	not ".." in parts
}

# With `..`, a part stays if no later depth lies below its own; a depth below 0 has left the root.
resolved(path) := kept if {
	parts := segments(path)
	".." in parts
	depths := [depth(parts, i) | some i, _ in parts]
	every d in depths {
		d >= 0
	}
	kept := [part | some i, part in parts; part != ".."; not left(depths, i)]
}

depth(parts, i) := (i + 1) - (2 * count([j | some j, part in parts; j <= i; part == ".."]))

left(depths, i) if {
	some j, d in depths
	j > i
	d < depths[i]
}

segments(path) := parts if {
	is_string(path)
	path != ""
	count(path) <= 4096
	not contains(path, "\\")
	not contains(path, "\u0000")
	parts := [part | some part in split(path, "/"); not part in {"", "."}]
	count(parts) <= 256
}
"#;
