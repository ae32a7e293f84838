# SPDX-License-Identifier: Apache-2.0
# bash completion for claviger(1). Commands and options are asked from the
# program, so that this file need not follow them.

_claviger_commands()
{
	claviger help 2>/dev/null | sed -n 's/^  \([a-z]*\( [a-z]*\)\{0,1\}\)   *.*/\1/p'
}

_claviger()
{
	local word=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD-1]}
	local command="${COMP_WORDS[1]} ${COMP_WORDS[2]}"
	COMPREPLY=()

	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_claviger_commands | cut -d' ' -f1 | sort -u) help" \
			-- "$word")
		return
	fi
	if [ "$COMP_CWORD" = 2 ]; then
		local second
		second=$(_claviger_commands |
			sed -n "s/^${COMP_WORDS[1]} \([a-z]*\)$/\1/p")
		if [ -n "$second" ]; then
			mapfile -t COMPREPLY < <(compgen -W "$second" -- "$word")
			return
		fi
	fi
	case $previous in
	--alg)
		mapfile -t COMPREPLY < <(compgen -W "rsa2048 rsa3072 rsa4096
			p256 p384 brainpool256 brainpool384 ed25519 ed448" \
			-- "$word")
		return ;;
	--scheme)
		mapfile -t COMPREPLY < <(compgen -W "rsa-pkcs1-sha1
			rsa-pkcs1-sha256 rsa-pss-sha256 ecdsa-sha256
			ecdsa-sha384 ed25519 ed448 rsa-pkcs1 rsa-oaep-sha1
			rsa-oaep-sha256" -- "$word")
		return ;;
	--pin-source | --new-pin-source)
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W \
			"prompt fd: cred: keyring: file: tpm2:" -- "$word")
		return ;;
	esac
	if [[ $word == -* ]]; then
		local usage
		usage=$(claviger help "${COMP_WORDS[1]}" 2>/dev/null |
			grep -F "claviger $command" ||
			claviger help "${COMP_WORDS[1]}" 2>/dev/null)
		mapfile -t COMPREPLY < <(compgen -W "$(grep -o -- \
			'--[a-z-]*' <<<"$usage") --pin-source --application --json --help" \
			-- "$word")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

complete -o filenames -F _claviger claviger
