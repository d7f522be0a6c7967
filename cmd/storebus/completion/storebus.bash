# Completion of storebus for bash:  source <(storebus completion bash)

__storebus_complete() {
  local line="${COMP_LINE:0:COMP_POINT}" current="" kept suggestion name index
  local -a words described=()
  COMPREPLY=()
  # Backslashes go, and nothing is evaluated.
  read -a words <<< "$line"
  case "$line" in
    *'\ ' | *[![:space:]])
      index=$((${#words[@]} - 1))
      current="${words[index]}"
      unset "words[index]"
      ;;
  esac
  words[0]="${words[0]/#\~\//$HOME/}"
  [[ "$current" == -* ]] && words+=("$current")
  # Bash takes a word that follows a colon or an equals sign for one of its own.
  kept="${current%"${current##*[:=]}"}"
  while IFS= read -r suggestion; do
    # A name of the store ends with a tab, and a name of the program with a colon.
    case "$suggestion" in
      *$'\t'*) name="${suggestion%%$'\t'*}" ;;
      *) name="${suggestion%%:*}" ;;
    esac
    [[ -n "$name" && "$name" == "$current"* ]] || continue
    COMPREPLY+=("$(printf '%q' "${name#"$kept"}")")
    described+=("$(printf '%-16s  %s' "$name" "${suggestion#"$name"?}")")
  done < <(STOREBUS_COMPLETE="$current" "${words[@]}" --generate-shell-completion 2>/dev/null)
  # Bash lists the matches, and completes nothing.
  if [[ "${COMP_TYPE:-}" == 63 && ${#COMPREPLY[@]} -gt 1 ]]; then
    COMPREPLY=("${described[@]}")
  fi
}

complete -o bashdefault -o default -F __storebus_complete storebus
