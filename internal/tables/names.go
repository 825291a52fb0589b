package tables

import (
	"path"
	"regexp"
	"slices"
	"sync"

	"sluice/internal/ledger"
)

// The forms of names that sluice gives, below the folder of a table and of its ledger.
// Other engines give others, and remove what is theirs.
var (
	DeletesForm  = NewForm(`^data/[0-9a-f]{32}-\d+-[0-9a-f]{8}-\d+\.deletes\.parquet$`)
	ManifestForm = NewForm(`^metadata/[0-9a-f]{32}-\d+-[0-9a-f]{8}-m\d+\.avro$`)
	ListForm     = NewForm(`^metadata/snap-\d+-1-[0-9a-f]{32}-\d+-[0-9a-f]{8}\.avro$`)
	RunForm      = NewForm(`^run-\d{19}-[0-9a-f]{32}-\d+-[0-9a-f]{8}-\d+\.parquet$`)
	// VersionForm is that of the metadata files of a folder.
	VersionForm = NewForm(`^metadata/v(\d+)\.metadata\.json$`)

	tableForms = []*Form{
		NewForm(`^data/(?:[^/]+=[^/]*/)*\d{8}T\d{6}Z_[0-9a-f]{12}-\d+\.parquet$`),
		DeletesForm,
		ManifestForm,
		ListForm,
		NewForm(`^metadata/\d{5,}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.metadata\.json$`),
		VersionForm,
	}
	ledgerForms = []*Form{
		NewForm(`^root-\d{19}-[0-9a-f]{32}-\d+-[0-9a-f]{8}\.json\.gz$`),
		RunForm,
		NewForm(`^damaged/\d{8}T\d{6}\.\d{3}Z_[0-9a-f]{32}\.json\.gz$`),
	}
)

// Form is a regular expression that is compiled when it is first used: the function starts
// without them.
type Form struct {
	expr string
	once sync.Once
	re   *regexp.Regexp
}

// NewForm is a form that is not compiled yet.
func NewForm(expr string) *Form { return &Form{expr: expr} }

// Find returns a name, and what the groups of the form are in it; nil if it has another form.
func (f *Form) Find(name string) []string {
	f.once.Do(func() { f.re = regexp.MustCompile(f.expr) })
	return f.re.FindStringSubmatch(name)
}

// IsOfTable reports whether a name below the folder of a table has a form of ours.
func IsOfTable(name string) bool { return hasForm(tableForms, name) }

// IsOutput reports whether a key outside of the folder of a table is that of the file that an
// object has: a table took it in.
func IsOutput(key string) bool {
	_, _, is := ledger.ParseOutputName(path.Base(key))
	return is
}

// IsOfLedger reports whether a name below the folder of a table's ledger has a form of ours.
func IsOfLedger(name string) bool { return hasForm(ledgerForms, name) }

// HasPaths reports whether an object below the folder of a table has bounds or paths of data
// files, by the form of its name.
func HasPaths(name string) bool {
	return hasForm([]*Form{DeletesForm, ManifestForm, ListForm}, name)
}

func hasForm(forms []*Form, name string) bool {
	return slices.ContainsFunc(forms, func(f *Form) bool { return f.Find(name) != nil })
}
