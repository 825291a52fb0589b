// What the page uses of CodeMirror 6: esbuild leaves out the rest.
export {EditorState, Compartment, StateField, StateEffect} from '@codemirror/state'
export {
  EditorView, Decoration, keymap, lineNumbers, drawSelection, highlightActiveLine, highlightActiveLineGutter,
  highlightSpecialChars, placeholder,
} from '@codemirror/view'
export {defaultKeymap, history, historyKeymap, indentWithTab} from '@codemirror/commands'
export {
  HighlightStyle, syntaxHighlighting, syntaxTree, indentOnInput, bracketMatching, indentUnit,
} from '@codemirror/language'
export {autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion} from '@codemirror/autocomplete'
export {setDiagnostics, lintGutter, lintKeymap} from '@codemirror/lint'
export {searchKeymap, highlightSelectionMatches} from '@codemirror/search'
export {sql, PostgreSQL} from '@codemirror/lang-sql'
export {yaml} from '@codemirror/lang-yaml'
export {tags} from '@lezer/highlight'
