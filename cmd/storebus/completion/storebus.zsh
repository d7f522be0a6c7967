#compdef storebus
# Completion of storebus for zsh:  source <(storebus completion zsh)

_storebus() {
  local current="${(Q)words[CURRENT]}" suggestion
  local -a request names described
  request=("${(@Q)words[1,CURRENT-1]}")
  [[ "$current" == -* ]] && request+=("$current")
  for suggestion in "${(@f)$(STOREBUS_COMPLETE="$current" "${request[@]}" --generate-shell-completion 2>/dev/null)}"; do
    # A name of the store ends with a tab, and a name of the program with a colon.
    if [[ "$suggestion" == *$'\t'* ]]; then
      names+=("${suggestion%%$'\t'*}")
    elif [[ -n "$suggestion" ]]; then
      described+=("$suggestion")
    fi
  done
  (( $#names )) && compadd -a names
  (( $#described )) && _describe storebus described
  (( $#names + $#described )) || _files
}

if [ "$funcstack[1]" = "_storebus" ]; then
  _storebus
else
  compdef _storebus storebus
fi
