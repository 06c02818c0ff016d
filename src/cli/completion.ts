/**
 * Shell completion, generated from the program's command tree: commands, subcommands, options, and the values of
 * options that have choices. File names are completed by the shell.
 */
import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** One node of the command tree: the words that lead to it and the words that may follow. */
interface Place {
  /** `member drain`; empty for the program itself. */
  readonly words: string;
  readonly commands: readonly Command[];
  readonly options: readonly Option[];
}

export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, program.options);
  if (shell === 'bash') return bash(places);
  return shell === 'zsh' ? zsh(places) : fish(places);
}

function placesOf(command: Command, globals: readonly Option[], words: string[] = []): Place[] {
  const options = command.parent === null ? [...command.options] : [...command.options, ...globals];
  const place = { words: words.join(' '), commands: command.commands, options };
  return [place, ...command.commands.flatMap((child) => placesOf(child, globals, [...words, child.name()]))];
}

const flagsOf = (option: Option): string[] => [option.long, option.short].filter((flag) => flag != null);

const wordsAfter = ({ commands, options }: Place): string =>
  [...commands.map((command) => command.name()), ...options.flatMap(flagsOf), '--help'].join(' ');

/** `flag flag)` → values, for every option with choices, once. */
function choicesByFlags(places: readonly Place[]): Map<string, string> {
  const choices = new Map<string, string>();
  for (const option of places.flatMap((place) => place.options)) {
    if (option.argChoices !== undefined) choices.set(flagsOf(option).join('|'), option.argChoices.join(' '));
  }
  return choices;
}

/** A shell function that sets the words that may follow a node of the command tree. */
const knownPlaces = (places: readonly Place[]): string => `_sluice_words() {
  case "$1" in
${places.map((place) => `    '${place.words}') follow='${wordsAfter(place)}' ;;`).join('\n')}
    *) return 1 ;;
  esac
}`;

/** Cases of `case "$previous"`, each offering an option's values by `offer(values)`. */
const optionValues = (places: readonly Place[], offer: (values: string) => string): string =>
  [...choicesByFlags(places)]
    .map(([flags, values]) => `    ${flags}) ${offer(values)}; return ;;`)
    .join('\n');

/** The words before the cursor, without options, lead to a node; the longest known path is used. */
function bash(places: readonly Place[]): string {
  const offer = (words: string) => `mapfile -t COMPREPLY < <(compgen -W "${words}" -- "$current")`;
  return `# bash completion of sluice: source <(sluice completion bash)
${knownPlaces(places)}
_sluice() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} place='' next follow='' word
  case "$previous" in
${optionValues(places, offer)}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] && continue
    next="\${place:+$place }$word"
    _sluice_words "$next" && place=$next
  done
  _sluice_words "$place"
  ${offer('$follow')}
}
complete -o default -F _sluice sluice
`;
}

function zsh(places: readonly Place[]): string {
  const offer = (words: string) => `compadd -- ${words}`;
  return `#compdef sluice
# zsh completion of sluice: source <(sluice completion zsh)
${knownPlaces(places)}
_sluice() {
  local place='' next follow='' word
  case "\${words[CURRENT-1]}" in
${optionValues(places, offer)}
  esac
  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -* ]] && continue
    next="\${place:+$place }$word"
    _sluice_words "$next" && place=$next
  done
  _sluice_words "$place"
  ${offer(`\${=follow}`)} || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
compdef _sluice sluice
`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ words, commands, options }) => {
    const when = `-n '__sluice_at "${words}"'`;
    return [
      ...commands.map(
        (command) => `complete -c sluice -f ${when} -a ${command.name()} -d ${quoted(command.description())}`,
      ),
      ...options.map((option) => {
        const long = option.long ? ` -l ${option.long.slice(2)}` : '';
        const short = option.short ? ` -s ${option.short.slice(1)}` : '';
        const values = option.argChoices ? ` -x -a ${quoted(option.argChoices.join(' '))}` : '';
        const takesValue = option.required && !option.argChoices ? ' -r' : '';
        return `complete -c sluice ${when}${long}${short}${values}${takesValue} -d ${quoted(option.description)}`;
      }),
    ];
  });
  const known = places.map(({ words }) => quoted(words)).join(' ');
  return `# fish completion of sluice: sluice completion fish | source
function __sluice_at
  set -l path ''
  for word in (commandline -opc)[2..]
    string match -q -- '-*' $word; and continue
    set -l next (string trim "$path $word")
    contains -- "$next" ${known}; and set path $next
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}
