# METADATA
# title: package
package t

# just a comment

# METADATA
# title: first
# custom:
#   list:
#   - 1
#
#   - 2
p := 1

# METADATA
# entrypoint: true

# unrelated
q if { true } { false }

# METADATA
# title: second
# METADATA
# title: third
r := 1
