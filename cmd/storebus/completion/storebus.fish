# Completion of storebus for fish:  storebus completion fish > ~/.config/fish/completions/storebus.fish

function __storebus_complete
    set -l request (commandline -opc)
    set -l current (commandline -ct)
    if string match -q -- '-*' $current
        set -a request $current
    end
    set -l word (string unescape -- $current)
    for suggestion in (env "STOREBUS_COMPLETE=$word" $request --generate-shell-completion 2>/dev/null)
        # A name of the store ends with a tab, and a name of the program with a colon.
        if string match -q -- '*'\t'*' $suggestion
            string split -m 1 -f 1 -- \t $suggestion
        else
            string replace -- ':' \t $suggestion
        end
    end
end

complete -c storebus -e
complete -c storebus -f -a '(__storebus_complete)'
