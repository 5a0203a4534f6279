# METADATA
# scope: rule
package app

# METADATA
# title: [unclosed
p := 1

# METADATA
# scope: document
# authors: [""]
q := 1

# METADATA
# scope: everywhere
r := 1

# METADATA
# schemas:
#   - input: {type: text}
s := input.a
