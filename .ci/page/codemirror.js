// What the page uses of CodeMirror 6: esbuild leaves out the rest.
export {EditorState, Compartment} from '@codemirror/state'
export {
  EditorView, keymap, lineNumbers, drawSelection, highlightActiveLine, highlightActiveLineGutter,
  highlightSpecialChars, placeholder,
} from '@codemirror/view'
export {defaultKeymap, history, historyKeymap} from '@codemirror/commands'
export {
  HighlightStyle, syntaxHighlighting, indentOnInput, bracketMatching, indentUnit,
} from '@codemirror/language'
export {autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, closeCompletion} from '@codemirror/autocomplete'
export {setDiagnostics, lintGutter, lintKeymap} from '@codemirror/lint'
export {searchKeymap} from '@codemirror/search'
export {sql, SQLDialect} from '@codemirror/lang-sql'
export {yaml} from '@codemirror/lang-yaml'
export {tags} from '@lezer/highlight'
