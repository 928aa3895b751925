-- What a step finds when it runs: the server's own names. `make check` adds the tables of the libraries, one named for
-- each file that the loader puts before a step.
std = "lua51"
max_line_length = 120
read_globals = { "redis", "KEYS", "ARGV", "cjson", "cmsgpack", "bit", "struct" }
