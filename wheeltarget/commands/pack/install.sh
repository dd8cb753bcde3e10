#!/bin/sh
# Check every file of this pack, choose the target for a Python, and install it with its pip.
#
# It needs a POSIX shell with find, grep, readlink, sed, sort and uniq, and sha256sum or shasum;
# without the last two, Python computes the hashes. No other code of the pack runs before every file
# is checked.

set -eu
unset CDPATH
newline='
'

show_help() {
    cat <<'END'
usage: sh install.sh [OPTIONS] [-- PIP_OPTIONS]

Check every file of this pack, choose the target that fits a Python, and install it there.
Nothing is fetched from a network.

  --python PATH    the Python to install for; otherwise python3, python or python2 on PATH
  --target NAME    the target, rather than the one that fits best
  --venv DIR       install into this virtual environment; it is created if it does not exist
  --earlier DIR    the earlier pack that this one adds to; may be repeated
  --choose-only    print the name of the target that fits, and install nothing
  --verify-only    check the files, and install nothing
  --help           show this text

What follows -- goes to pip install, such as: -- --user    -- --target DIR    -- --prefix DIR
END
}

fail() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
    exit 1
}

refuse() {
    printf 'error: %s\n' "$1" >&2
    printf 'hint: sh install.sh --help shows the options\n' >&2
    exit 2
}

# Print the path of a file as an absolute one. Symbolic links stay: a virtual environment is one.
absolute() {
    case $1 in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$PWD/$1" ;;
    esac
}

# Print the folder of this script, without symbolic links.
find_pack() {
    file=$(absolute "$0")
    while [ -h "$file" ]; do
        link=$(readlink "$file")
        case $link in
            /*) file=$link ;;
            *) file=${file%/*}/$link ;;
        esac
    done
    cd -P -- "${file%/*}/" && pwd -P
}

starts() {
    "$1" -E -S -c 'import sys; sys.exit(sys.version_info < (2, 7))' </dev/null >/dev/null 2>&1
}

find_python() {
    if [ -n "$python" ]; then
        case $python in
            */*) python=$(absolute "$python") ;;
        esac
        starts "$python" || fail "$python is not a Python that starts, 2.7 or newer"
        return
    fi
    for name in python3 python python2; do
        # An activated environment, or a shim, may have one that does not start.
        if starts "$name"; then
            python=$name
            return
        fi
    done
    fail "there is no Python on PATH" "name one: sh install.sh --python /path/to/python3"
}

has_hash_tool() {
    command -v sha256sum >/dev/null 2>&1 || command -v shasum >/dev/null 2>&1
}

# Read lines of a manifest, and check the files that they name in the working folder.
check_hashes() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum -c
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 -c
    else
        "$python" -B -E -S -c '
import sys
del sys.path[0]  # not from the pack, which is not checked yet
import hashlib
wrong = 0
for line in sys.stdin.read().splitlines():
    expected, name = line.split("  ", 1)
    found = hashlib.sha256()
    try:
        with open(name, "rb") as file:
            for data in iter(lambda: file.read(1 << 20), b""):
                found.update(data)
        state = "OK" if found.hexdigest() == expected else "FAILED"
    except EnvironmentError:
        state = "FAILED open or read"
    wrong += state != "OK"
    sys.stdout.write("%s: %s\n" % (name, state))
sys.exit(wrong > 0)
'
    fi 2>&1
}

# Print each line of the standard input as a problem of the given kind.
note() {
    while IFS= read -r line; do
        [ -z "$line" ] || printf '  %s: %s\n' "$1" "$line"
    done
}

# Print the lines of the first list that are not in the second one.
without() {
    printf '%s\n%s\n%s\n' "$1" "$2" "$2" | sort | uniq -u
}

part='[^/.\[:cntrl:]-][^/\[:cntrl:]]*'
entry="^[0-9a-f]\{64\}  $part\(/$part\)*\$"

# Print the names in a manifest, sorted.
read_names() {
    if wrong=$(grep -n -v "$entry" "$1"); then
        fail "$1 is damaged in line ${wrong%%:*}" 'copy it again, byte by byte, not as text'
    fi
    names=$(sed 's/^[0-9a-f]*  //' "$1" | sort)
    twice=$(printf '%s\n' "$names" | uniq -d)
    [ -z "$twice" ] || fail "$1 names a file twice: $twice" 'copy it again'
    printf '%s\n' "$names"
}

# Print the names in the lines of a manifest whose files do not have their hash, or are not here.
find_wrong() {
    # What the tool does not call right is wrong, whatever it prints.
    right=$(printf '%s\n' "$1" | check_hashes | sed -n 's/: OK$//p')
    without "$(printf '%s\n' "$1" | sed 's/^[0-9a-f]*  //')" "$right"
}

# Print the names that are files in a folder.
find_there() {
    while IFS= read -r name; do
        [ ! -f "$1/$name" ] || printf '%s\n' "$name"
    done
}

# Print the lines of the manifest with the names of a list.
find_lines() {
    while IFS= read -r line; do
        case $newline$1$newline in
            *"$newline${line#*  }$newline"*) printf '%s\n' "$line" ;;
        esac
    done <manifest.sha256
}

# Print what is wrong with the files of the pack, one line for each.
find_problems() {
    others=$(find . ! -type d ! -type f) || fail 'cannot read every folder of the pack'
    found=$(find . -type f) || fail 'cannot read every folder of the pack'
    printf '%s\n' "$others" | note 'neither a file nor a folder'
    found=$(printf '%s\n' "$found" | sed 's|^\./||' | sort)
    # A name with a line break looks like two names.
    printf '%s\n' "$found" | uniq -d | note 'added, with a line break in its name'
    missing=$(without "$listed" "$found")
    wrong=$(find_wrong "$(cat manifest.sha256)")
    without "$wrong" "$missing" | note 'not as it was packed'
    [ -z "$missing" ] || find_missing
    added=$(without "$found" "$listed${newline}manifest.sha256" |
        grep -v -x -e earlier.sha256 -e removed.sha256) || :
    [ -z "$added" ] || find_added
}

# Print the files that are missing here and in the earlier packs.
find_missing() {
    printf '%s' "$folders" | {
        while IFS= read -r folder; do
            there=$(printf '%s\n' "$missing" | find_there "$folder")
            [ -n "$there" ] || continue
            missing=$(without "$missing" "$there")
            lines=$(find_lines "$there")
            (cd -- "$folder" && find_wrong "$lines") | note "not as it was packed, in $folder"
        done
        carried=''
        [ ! -s earlier.sha256 ] || carried=$(read_names earlier.sha256)
        lost=$(without "$missing" "$carried")
        printf '%s\n' "$lost" | note 'missing'
        without "$missing" "$lost" | note 'only in the earlier pack'
    }
}

# Print the files that were added. One that is left from the earlier pack does no harm: its hash is
# not in the requirements. What builds sources has no hashes there.
find_added() {
    left=''
    if [ -s removed.sha256 ]; then
        removed=$(read_names removed.sha256)
        left=$(without "$removed" "$(find_wrong "$(cat removed.sha256)")")
        for ending in metadata provenance; do
            left=$left$newline$(printf '%s\n' "$removed" | sed "s/\$/.$ending/")
        done
    fi
    others=$(without "$added" "$left")
    printf '%s\n' "$others" | note 'added'
    left=$(without "$added" "$others")
    case $newline$listed in
        *"${newline}wheels/"*.tar.gz* | *"${newline}wheels/"*.zip*)
            printf '%s\n' "$left" | note 'left from the earlier pack' ;;
        *)
            [ -z "$left" ] ||
                printf 'note: removed.sha256 lists files that are left and can be deleted\n' >&2 ;;
    esac
}

verify() (
    LC_ALL=C
    export LC_ALL
    cd -- "$pack"
    [ -s manifest.sha256 ] || fail 'the pack has no manifest.sha256' 'copy the whole folder again'
    listed=$(read_names manifest.sha256)
    problems=$(find_problems)
    if [ -n "$problems" ]; then
        printf 'error: the pack is not as it was made; nothing was installed\n%s\n' "$problems" >&2
        case $problems in
            *'only in the earlier pack'*)
                hint='unpack it over the earlier pack, or name that folder with --earlier' ;;
            *) hint='delete what was added or left, and copy the rest again' ;;
        esac
        printf 'hint: %s\n' "$hint" >&2
        exit 1
    fi
    printf 'All %s files are as they were packed.\n' "$(printf '%s\n' "$listed" | grep -c .)" >&2
)

# Options for the choice stay in the list of arguments, behind the ones that are not read yet.
python='' folders='' verify_only=''
left=$#
while [ "$left" -gt 0 ]; do
    option=$1
    shift
    left=$((left - 1))
    case $option in
        --)
            set -- "$@" --
            while [ "$left" -gt 0 ]; do
                argument=$1
                shift
                left=$((left - 1))
                set -- "$@" "$argument"
            done
            break
            ;;
        --help | -h)
            show_help
            exit 0
            ;;
        --verify-only) verify_only=yes && continue ;;
        --choose-only) set -- "$@" "$option" && continue ;;
        --python=* | --target=* | --venv=* | --earlier=*)
            value=${option#*=}
            option=${option%%=*}
            ;;
        --python | --target | --venv | --earlier)
            [ "$left" -gt 0 ] || refuse "$option needs a value"
            value=$1
            shift
            left=$((left - 1))
            ;;
        *) refuse "unknown option $option; options of pip follow --" ;;
    esac
    [ -n "$value" ] || refuse "$option needs a value"
    case $option in
        --python) python=$value ;;
        --earlier)
            [ -d "$value" ] || fail "there is no folder $value"
            value=$(absolute "$value")
            folders=$folders$value$newline
            set -- "$@" --earlier "$value"
            ;;
        *) set -- "$@" "$option" "$value" ;;
    esac
done

pack=$(find_pack)
if [ -z "$verify_only" ] || ! has_hash_tool; then
    find_python
fi
verify
[ -z "$verify_only" ] || exit 0
exec "$python" -B "$pack/choose_target.py" "$@"
