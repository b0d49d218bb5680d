# A knowledge table (tab-separated, first line: column names) as C initialisers: each row becomes
#   {"column 1", "column 2", ...},
# with as many strings as the header has columns. Backslashes and quotes are escaped.
NR == 1 { columns = NF; next }
/^[ \t]*$/ { next }
{
    printf "{"
    for (i = 1; i <= columns; i++) {
        field = $i
        gsub(/\\/, "&&", field)
        gsub(/"/, "\\\"", field)
        gsub(/\?\?/, "?\\?", field)
        printf "%s\"%s\"", (i > 1 ? ", " : ""), field
    }
    print "},"
}
