# Scenario files as C initialisers: {"name", "line\n" "line\n" ...}, one a file; the name is the file's.
FNR == 1 {
    if (NR > 1)
        print "},"
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.scn$/, "", name)
    printf "{\"%s\", ", name
}
{
    line = $0
    gsub(/\\/, "&&", line)
    gsub(/"/, "\\\"", line)
    gsub(/\?\?/, "?\\?", line)
    printf "\"%s\\n\"\n", line
}
END {
    if (NR > 0)
        print "},"
}
