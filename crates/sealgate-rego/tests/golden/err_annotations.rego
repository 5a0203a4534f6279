package t

# METADATA

p := 1

# METADATA
# title: nothing follows
