// Editors are CodeMirror, loaded when the first one is opened. Each lies in a
// shadow tree: there CodeMirror adds its styles as sheets of the tree, which the
// strict policy for styles allows, and not as <style> elements, which it forbids.
import {el} from './dom.js'

let library
const load = () => (library ||= import('./vendor/codemirror.js'))

// editor makes one: {label, language: 'yaml' | 'sql', text, complete, tables, change, run, readOnly}.
// complete is a source of completions for YAML, tables {name: [columns]} for SQL.
export async function editor(options) {
  const cm = await load()
  const host = el('div.editor')
  const root = host.attachShadow({mode: 'open'})
  const schema = new cm.Compartment()
  const language = tables => options.language === 'sql'
    ? cm.sql({dialect: duckdb(cm), schema: tables, upperCaseKeywords: true})
    : [cm.yaml(), cm.EditorState.languageData.of(() => [{autocomplete: options.complete}])]
  const view = new cm.EditorView({
    root,
    parent: root,
    state: cm.EditorState.create({
      doc: options.text || '',
      extensions: [
        cm.EditorView.contentAttributes.of({'aria-label': options.label, tabindex: '0'}),
        cm.lineNumbers(), cm.highlightSpecialChars(), cm.history(), cm.drawSelection(),
        cm.indentOnInput(), cm.bracketMatching(), cm.closeBrackets(), cm.highlightActiveLine(), cm.highlightActiveLineGutter(),
        cm.autocompletion({icons: false}), cm.indentUnit.of('  '),
        options.language === 'yaml' ? cm.lintGutter() : [],
        options.readOnly ? cm.EditorState.readOnly.of(true) : [],
        schema.of(language(options.tables)),
        cm.syntaxHighlighting(colours(cm)),
        cm.EditorView.theme(look),
        options.language === 'sql' ? cm.EditorView.lineWrapping : [],
        options.placeholder ? cm.placeholder(options.placeholder) : [],
        cm.keymap.of([
          {key: 'Mod-Enter', preventDefault: true, run: view => { cm.closeCompletion(view); options.run?.(); return true }},
          // Tab leaves the editor, so that the keyboard is not caught in it.
          ...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.completionKeymap, ...cm.lintKeymap,
        ]),
        cm.EditorView.updateListener.of(update => update.docChanged && options.change?.(update.state.doc.toString())),
      ],
    }),
  })
  return {
    element: host,
    get text() { return view.state.doc.toString() },
    set text(text) { view.dispatch({changes: {from: 0, to: view.state.doc.length, insert: text}}) },
    insert(text) {
      view.dispatch(view.state.replaceSelection(text))
      view.focus()
    },
    focus: () => view.focus(),
    // goTo puts the cursor at a line and column, counted from 1, and shows them.
    goTo(line, column) {
      const at = place(view.state.doc, line, column)
      view.dispatch({selection: {anchor: at}})
      // CodeMirror's own way would scroll the page too.
      view.scrollDOM.scrollTop = view.lineBlockAt(at).top - view.scrollDOM.clientHeight / 2
    },
    // mark shows faults at their lines: [{line, column, text, remedy}].
    mark(faults) {
      view.dispatch(cm.setDiagnostics(view.state, faults.map(fault => {
        const from = place(view.state.doc, fault.line, fault.column)
        const line = view.state.doc.lineAt(from)
        return {from, to: Math.max(from, line.to), severity: 'error', message: fault.text + (fault.remedy ? ': ' + fault.remedy : '')}
      })))
    },
    tables: tables => view.dispatch({effects: schema.reconfigure(language(tables))}),
    destroy: () => view.destroy(),
  }
}

// duckdb is what a SELECT is made of: with all the words of a dialect, completion
// would offer mostly what nobody wants.
function duckdb({SQLDialect}) {
  return SQLDialect.define({
    keywords: 'select from where group by all order having limit offset with recursive as distinct on using join left right full inner outer cross semi anti asof lateral positional union intersect except values case when then else end and or not in is null like ilike between exists any asc desc nulls first last over partition rows range preceding following unbounded current row filter within qualify window sample tablesample pivot unpivot describe show summarize exclude replace columns cast try_cast interval true false similar to escape collate explain',
    types: 'boolean tinyint smallint integer bigint hugeint decimal numeric float double varchar text date time timestamp timestamptz interval json blob uuid struct list map',
    builtin: 'count sum avg min max median mode stddev variance quantile_cont first last any_value arg_min arg_max string_agg list array_agg histogram approx_count_distinct row_number rank dense_rank lag lead first_value last_value ntile coalesce nullif greatest least abs round floor ceil trunc mod power sqrt ln log exp sign random date_trunc date_part date_diff date_add extract year month day hour minute week quarter dayofweek strftime strptime make_date epoch now current_date lower upper trim ltrim rtrim length substring left right replace split_part concat concat_ws contains starts_with regexp_matches regexp_extract regexp_replace position reverse lpad rpad format printf json_extract json_extract_string unnest generate_series range len list_contains struct_extract typeof if',
    slashComments: true,
    doubleDollarQuotedStrings: true,
  })
}

function place(doc, number, column) {
  const line = doc.line(Math.max(1, Math.min(doc.lines, number || 1)))
  return Math.min(line.to, line.from + Math.max(0, (column || 1) - 1))
}

// The page's own colours, which change with its scheme.
const look = {
  '&': {height: '100%', fontSize: '12.5px', backgroundColor: 'var(--surface)', color: 'var(--ink)'},
  // The frame around it shows the focus.
  '&.cm-focused': {outline: 'none'},
  '.cm-scroller': {fontFamily: 'var(--mono)', lineHeight: '1.55', overflow: 'auto'},
  '.cm-content': {padding: '8px 0', caretColor: 'var(--ink)'},
  '.cm-gutters': {backgroundColor: 'var(--surface)', color: 'var(--dim)', border: '0'},
  '.cm-activeLine, .cm-activeLineGutter': {backgroundColor: 'color-mix(in srgb, var(--raised) 60%, transparent)'},
  '.cm-cursor': {borderLeftColor: 'var(--ink)'},
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {backgroundColor: 'light-dark(#bfe3e8, #1c5964)'},
  '.cm-placeholder': {color: 'var(--dim)'},
  '.cm-tooltip': {backgroundColor: 'var(--surface)', color: 'var(--ink)', border: '1px solid var(--strong-line)', borderRadius: '6px'},
  '.cm-tooltip.cm-tooltip-autocomplete > ul': {fontFamily: 'var(--mono)', maxHeight: '15em'},
  '.cm-tooltip-autocomplete ul li[aria-selected]': {backgroundColor: 'var(--accent)', color: 'var(--on-accent)'},
  '.cm-completionDetail': {fontStyle: 'normal', opacity: '.75'},
  '.cm-completionInfo': {maxWidth: '320px', padding: '6px 10px', fontFamily: 'var(--text)'},
  '.cm-diagnostic-error': {borderLeftColor: 'var(--bad)'},
  '.cm-panels': {backgroundColor: 'var(--raised)', color: 'var(--ink)'},
  '.cm-matchingBracket': {backgroundColor: 'var(--wash) !important'},
}

function colours({HighlightStyle, tags}) {
  return HighlightStyle.define([
    {tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)'},
    {tag: [tags.keyword, tags.operatorKeyword], color: 'var(--accent)', fontWeight: '600'},
    {tag: [tags.string, tags.special(tags.string)], color: 'var(--good)'},
    {tag: [tags.number, tags.bool, tags.null], color: 'var(--warn)'},
    {tag: [tags.comment], color: 'var(--dim)'},
    {tag: [tags.typeName], color: 'var(--warn)'},
    {tag: [tags.punctuation, tags.separator, tags.brace, tags.squareBracket], color: 'var(--dim)'},
  ])
}
