#!/bin/sh
# sudo of a windlass lab host. A lab has one user, so the command runs as that user, whoever was asked for.

while [ $# -gt 0 ]; do
    case $1 in
    --) shift; break ;;
    -[HnE] | -[HnE][HnE] | -[HnE][HnE][HnE] | --set-home | --non-interactive | --preserve-env) shift ;;
    -S | --stdin)
        # The password is the first line of the input; a lab takes any, and the command must not see it.
        IFS= read -r _ || :
        shift
        ;;
    -p | -u | --prompt | --user)
        if [ $# -lt 2 ]; then
            echo "sudo: option $1 needs an argument" >&2
            exit 1
        fi
        shift 2
        ;;
    -p* | -u* | --prompt=* | --user=*) shift ;;
    -*)
        echo "sudo: the lab's stand-in does not know the option $1" >&2
        exit 1
        ;;
    [A-Za-z_]*=*)
        export "$1"
        shift
        ;;
    *) break ;;
    esac
done
if [ $# -eq 0 ]; then
    echo "usage: sudo [-HnSE] [-p PROMPT] [-u USER] COMMAND [ARGUMENT...]" >&2
    exit 1
fi
exec "$@"
