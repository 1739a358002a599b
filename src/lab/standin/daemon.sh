ask=help
[ $# -eq 0 ] || ask=
for word; do
    case $word in
    --version | version) ask=version ;;
    --help | -h | help) ask=${ask:-help} ;;
    --*)
        flag=${word#--}
        case " $FLAGS " in
        *" ${flag%%=*} "*) ;;
        *)
            echo "Error: unknown flag: --${flag%%=*}" >&2
            exit 1
            ;;
        esac
        ;;
    *)
        ask=
        break
        ;;
    esac
done
case $ask in
version) echo "$ANSWER" ;;
help)
    echo "Usage:"
    echo "  $NAME [flags]"
    for flag in $FLAGS; do
        case $flag in
        emulated-version)
            echo "      --$flag strings   The versions different components emulate their capabilities (APIs, features, ...) of."
            echo "                        Options are: kube=$EMULATES(default:${EMULATES#*..})"
            ;;
        *) echo "      --$flag string" ;;
        esac
    done
    ;;
*)
    echo "$NAME: the lab's stand-in cannot do this: $*" >&2
    exit 64
    ;;
esac
