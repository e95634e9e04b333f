#!/bin/sh
# Runs the example twice: the second run finds what the first one left. twice.sh BOOKSTORE ESEUTIL
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" "$dir" >"$dir/first"
"$1" "$dir" >"$dir/second"
"$2" integrity "$dir/bookstore.edb" >"$dir/findings" 2>&1
test ! -s "$dir/findings"
diff -u - "$dir/first" <<'END'
An ISBN is there once only.
7 of 978-0141439587 sold.
1 of 978-0142437247 sold.
Jane Austen, by title:
    Emma                      9.99  stock  3  blurb 3200 bytes
    Pride and Prejudice       8.99  stock 10  blurb 3200 bytes
    Sense and Sensibility     8.50  stock 10  blurb 3200 bytes
Up to 9.00, by price:
    Sense and Sensibility     8.50  stock 10  blurb 3200 bytes
    Pride and Prejudice       8.99  stock 10  blurb 3200 bytes
    Moby-Dick                 9.00  stock  9  blurb 3200 bytes
2 orders.
END
diff -u - "$dir/second" <<'END'
The shop was here before.
7 of 978-0141439587 cannot be sold: 3 are left.
1 of 978-0142437247 sold.
Jane Austen, by title:
    Emma                      9.99  stock  3  blurb 3200 bytes
    Pride and Prejudice       8.99  stock 10  blurb 3200 bytes
    Sense and Sensibility     8.50  stock 10  blurb 3200 bytes
Up to 9.00, by price:
    Sense and Sensibility     8.50  stock 10  blurb 3200 bytes
    Pride and Prejudice       8.99  stock 10  blurb 3200 bytes
    Moby-Dick                 9.00  stock  8  blurb 3200 bytes
3 orders.
END
