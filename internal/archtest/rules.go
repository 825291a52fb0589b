package archtest

// rung is what a package may import of this module.
type rung struct {
	imports []string
	why     string
}

// ladder is every package of the module, from the floor to the roof, and what
// it may import. Tests are free.
var ladder = map[string]rung{
	"schema": {nil,
		"schema is the lowest package: every stage uses its columns and types, so it knows no stage"},
	"internal/suggest": {nil,
		"finding the known word nearest to a mistyped one depends on nothing"},
	"internal/yamlfile": {[]string{"internal/suggest"},
		"files that people write are read, and their faults reported, in the same way for all kinds of files"},
	"internal/zones": {[]string{"internal/suggest"},
		"the rules of time zones are data; they do not know which of them a mapping names, and what for"},
	"mapping": {[]string{"internal/suggest", "internal/yamlfile", "internal/zones", "schema"},
		"a mapping only says what is wanted; how that is done (scanning, flattening, Parquet) must not shape the public format"},
	"reason": {nil,
		"reason codes are a contract that every stage uses; they depend on no stage"},
	"internal/drift": {[]string{"reason"},
		"paths are counted as texts; what they lead to, and who reads the counts, is not known here"},
	"internal/rejection": {[]string{"reason"},
		"every stage may reject an object; the error knows only its code"},
	"internal/jsonscan": {[]string{"internal/rejection", "reason"},
		"the scanner knows JSON text and where records begin, not what a mapping wants from them, so it can be fuzzed alone"},
	"internal/input": {[]string{"internal/rejection", "reason"},
		"input decompresses stored bytes, and knows nothing about JSON"},
	"internal/batch": {[]string{"schema"},
		"a batch is typed columns: it knows neither where values come from nor how they are written"},
	"internal/flatten": {[]string{"internal/batch", "internal/drift", "internal/jsonscan", "internal/zones", "mapping", "reason", "schema"},
		"flatten turns record bytes into a batch; it must not know the file format that comes after it"},
	"internal/profile": {[]string{"mapping"},
		"a profile is counts under the paths of a mapping; how they were counted, and what is made of them, it does not know"},
	"internal/infer": {[]string{"internal/profile", "internal/yamlfile", "mapping", "schema"},
		"a mapping is made of what a profile counted: neither text nor values are looked at again"},
	"internal/infer/infertest": {[]string{".", "internal/infer", "internal/parquetread", "internal/profile", "internal/profiler", "mapping", "schema"},
		"a test of inferred mappings goes through the whole path, on documents of several packages"},
	"internal/profiler": {[]string{"internal/flatten", "internal/input", "internal/jsonscan", "internal/profile", "internal/rejection", "mapping", "reason"},
		"the profiler reads text as a conversion does, and asks flatten what a column would take: a profile must not promise more"},
	"internal/parquettype": {[]string{"schema"},
		"writer and reader share the description of a column in a file"},
	"internal/zstdpage": {nil,
		"a frame holds the bytes of a page, whatever they mean"},
	"internal/parquetcodec": {[]string{"internal/suggest", "internal/zstdpage"},
		"a codec takes the bytes of a page, whatever they mean; it is the same for writing and for reading"},
	"internal/parquetfile": {[]string{"internal/batch", "internal/parquetcodec", "internal/parquettype", "schema"},
		"parquetfile turns a batch into a file; it must not know the JSON or the mapping before it"},
	"internal/parquetread": {[]string{"internal/parquetcodec", "internal/parquettype", "schema"},
		"the reader only shares the description of columns and the list of codecs with the writer: it needs much more of the Parquet library, which the Lambda function must not carry"},
	"internal/parquetcolumn": {[]string{"internal/parquetcodec", "internal/parquettype"},
		"columns of files that anybody wrote are read for the function, without the library's reader"},
	"internal/quarantine": {[]string{"internal/jsonscan", "internal/rejection", "reason"},
		"the quarantine file holds records as they were read, so it must not depend on how they are flattened or written"},
	"internal/advice": {[]string{
		"internal/batch", "internal/flatten", "internal/jsonscan", "internal/quarantine", "mapping", "reason", "schema"},
		"advice is about quarantined records, after the conversion: a conversion does not pay for it"},
	"internal/mappingdiff": {[]string{"internal/advice", "internal/infer", "internal/profile", "mapping", "reason", "schema"},
		"a mapping is compared with what a profile counted and with what advice found; who has the documents reads and converts them"},
	"internal/conversion": {[]string{
		"internal/batch", "internal/drift", "internal/flatten", "internal/input", "internal/jsonscan", "internal/parquetfile",
		"internal/quarantine", "internal/rejection", "mapping", "reason", "schema"},
		"the conversion joins the stages, and is the one place that knows them all"},
	".": {[]string{"internal/conversion", "internal/drift", "internal/parquetcodec", "internal/rejection", "mapping", "reason"},
		"the root is the library's public API over the conversion; it must not know what is beside or above it (command, files, generated data)"},
	"internal/filelock": {nil,
		"a lock belongs to an open file, whatever the file is for"},
	"internal/atomicfile": {[]string{"internal/filelock"},
		"atomicfile only knows files and names"},
	"internal/gen": {nil,
		"generated orders must not share code with what reads them: the same error in both would not be noticed"},
	"internal/cost": {[]string{"internal/suggest", "internal/yamlfile"},
		"the cost model is arithmetic over prices and calls; its tests check that the pipeline makes these calls"},
	"bench/gen": {[]string{"internal/gen"},
		"the benchmark measures the command as a user runs it: our code only makes its inputs"},
	"internal/event": {nil,
		"an event is decoded from its bytes alone; the pipeline decides what to do with it"},
	"internal/store": {nil,
		"a store is bytes under keys, written on a condition; it does not know what they mean"},
	"internal/store/storetest": {[]string{"internal/store"}, contractTest},
	"internal/store/dirstore":  {[]string{"internal/filelock", "internal/store"}, oneContract},
	"internal/store/s3store":   {[]string{"internal/patience", "internal/store"}, oneContract},
	"internal/catalog": {[]string{"schema"},
		"a catalog knows tables by name and schema; the pipeline makes their files"},
	"internal/catalog/catalogtest": {[]string{"internal/catalog", "schema"}, contractTest},
	"internal/catalog/dircatalog":  {[]string{"internal/catalog", "internal/store"}, oneContract},
	"internal/catalog/gluecatalog": {[]string{"internal/catalog", "internal/glue"}, oneContract},
	"internal/catalog/gluecrawler": {[]string{"internal/catalog", "internal/glue", "internal/store"}, oneContract},
	"internal/iceberg": {[]string{"internal/store", "schema"},
		"a table is files with counts and bounds; what is in them, and whose rows they are, is decided above"},
	"internal/iceberg/datafile": {[]string{"internal/batch", "internal/iceberg", "internal/jsonscan", "internal/parquetfile", "schema"},
		"Parquet files get IDs and are described for a table; whose rows they have is decided above"},
	"internal/iceberg/catalogtest": {[]string{"internal/iceberg", "schema"}, contractTest},
	"internal/iceberg/filecatalog": {[]string{"internal/iceberg", "internal/store"}, oneContract},
	"internal/iceberg/gluecatalog": {[]string{"internal/glue", "internal/iceberg"}, oneContract},
	"internal/iceberg/restcatalog": {[]string{"internal/iceberg", "internal/patience"}, oneContract},
	"internal/patience": {nil,
		"how long to wait for an answer does not depend on the service that is called"},
	"internal/awsjson": {[]string{"internal/patience"},
		"a call is signed and repeated; what it asks for is not known here"},
	"internal/eventbridge": {[]string{"internal/awsjson"},
		"events are texts on a bus; what they tell is not known here"},
	"internal/glue": {[]string{"internal/awsjson"},
		"a table of Glue is columns, a place and parameters; what they mean is for the catalogs"},
	"internal/stepfunctions": {[]string{"internal/awsjson"},
		"an execution has a name and an input; what its states do is not known here"},
	"internal/secretsmanager": {[]string{"internal/awsjson"},
		"a secret is bytes under a name; what it is the key of is decided above"},
	"internal/awsconfig": {nil,
		"where the SDK finds its configuration depends on no other package of sluice"},
	"internal/ledger": {[]string{".", "internal/store"},
		"the ledger records what was committed, with the counts of a conversion; it decides nothing"},
	"internal/runs": {[]string{".", "internal/batch", "internal/jsonscan", "internal/ledger", "internal/parquetcolumn", "internal/parquetfile", "internal/store", "reason", "schema"},
		"what a table knows of its source keys is files that are never changed; who commits them is decided above"},
	"internal/tables": {[]string{"internal/iceberg", "internal/iceberg/datafile", "internal/ledger", "internal/parquetcolumn", "internal/runs", "internal/store", "schema"},
		"a commit is files with their columns, entries and one compare-and-set; where the files come from is decided above"},
	"internal/maintain": {[]string{"internal/iceberg", "internal/pipeline", "internal/runs", "internal/store", "internal/tables"},
		"what nobody names is found in metadata alone: no rows are read, so that the function may do it"},
	"internal/upkeep": {[]string{
		"internal/batch", "internal/iceberg", "internal/jsonscan", "internal/parquetcolumn", "internal/parquetfile", "internal/parquetread", "internal/runs", "internal/store", "internal/tablefiles",
		"internal/tables", "schema"},
		"a table is looked after between commits, and beside them; what an object is, and how it is converted, is not known here"},
	"internal/erase": {[]string{
		".", "internal/batch", "internal/conversion", "internal/event", "internal/iceberg", "internal/input", "internal/jsonscan", "internal/ledger", "internal/parquetread", "internal/pipeline", "internal/quarantine", "internal/setup",
		"internal/store", "internal/store/s3store", "internal/tables", "internal/upkeep", "mapping", "schema"},
		"rows of a person are in all places of a lake, and in whatever form: who takes them out looks at all of them, behind the contracts too, as the doctor does; only the command imports it"},
	"internal/erase/searchtest": {nil,
		"who searches what is left must not read files as those do that wrote them"},
	"internal/tablefiles": {[]string{"internal/batch", "internal/iceberg", "internal/iceberg/datafile", "internal/jsonscan", "internal/parquetfile", "internal/runs", "internal/store", "schema"},
		"files take rows of batches, wherever these come from; which snapshot names the files is decided above"},
	"internal/pipeline": {[]string{
		".", "internal/batch", "internal/conversion", "internal/event", "internal/iceberg", "internal/iceberg/datafile", "internal/ledger", "internal/parquetcolumn", "internal/parquetfile", "internal/rejection", "internal/runs", "internal/store",
		"internal/tablefiles", "internal/tables", "mapping", "schema"},
		"the pipeline is one straight line over contracts: it imports no implementation of a store or catalog, so that it runs the same on all; of the stages it imports the writer, to empty a file, the reader of footers, to take files into tables, and what a conversion hands on, to put rows of several objects into one file"},
	"internal/config": {[]string{".", "internal/suggest", "internal/yamlfile"},
		"a configuration is names and numbers, some of them the library's; internal/setup opens what they name"},
	"internal/setup": {[]string{
		".", "internal/catalog", "internal/catalog/dircatalog", "internal/catalog/gluecatalog", "internal/catalog/gluecrawler",
		"internal/config", "internal/event", "internal/eventbridge", "internal/glue", "internal/iceberg", "internal/iceberg/filecatalog", "internal/iceberg/gluecatalog", "internal/iceberg/restcatalog", "internal/ledger", "internal/pipeline", "internal/secretsmanager", "internal/runs", "internal/store",
		"internal/store/dirstore", "internal/store/s3store", "internal/tables", "mapping"},
		"setup is the one place that knows all implementations, so that the pipeline and the shells know none"},
	"internal/query": {[]string{"schema"},
		"a session is SQL over files; whose files they are is decided above"},
	"internal/query/querytest": {[]string{".", "internal/query", "mapping"}, contractTest},
	"internal/query/process": {[]string{"internal/query"},
		"a process ends with its limits, whatever DuckDB is in it"},
	"internal/query/duckdbcli":    {[]string{"internal/query", "internal/query/process"}, oneContract},
	"internal/query/duckdblinked": {[]string{"internal/query", "internal/query/process"}, oneContract},
	"internal/lake": {[]string{
		".", "internal/jsonscan", "internal/ledger", "internal/parquetread", "internal/pipeline", "internal/profile", "internal/quarantine", "internal/query", "internal/runs", "internal/setup", "internal/store",
		"internal/tables", "reason", "schema"},
		"what a lake shows is read from its stores, whoever shows it; nothing here writes or speaks HTTP"},
	"internal/query/published": {[]string{"internal/lake", "internal/query", "internal/setup", "internal/store", "internal/tables", "schema"},
		"which files count is what the ledger says, whatever engine reads them"},
	"internal/arrivals": {[]string{"internal/store"},
		"which files of a folder are whole depends on the file system alone, not on what is made of them"},
	"internal/serve": {[]string{
		".", "internal/advice", "internal/arrivals", "internal/atomicfile", "internal/catalog", "internal/documents", "internal/event", "internal/lake", "internal/ledger", "internal/mappingdiff", "internal/pipeline", "internal/query", "internal/query/published", "internal/rejection", "internal/setup", "internal/store", "internal/yamlfile", "mapping", "reason", "schema"},
		"the page is a shell over the same pipeline as the command's; it holds no data logic, and only the command imports it"},
	"internal/fit": {[]string{".", "internal/parquetread", "internal/profile", "mapping", "schema"},
		"whether a mapping is meant for a document shows by converting it, and by what the records have; the library and the pipeline do as they are told, and never guess"},
	"internal/documents": {[]string{
		".", "internal/advice", "internal/fit", "internal/infer", "internal/jsonscan", "internal/mappingdiff", "internal/parquetread", "internal/profile", "internal/profiler", "internal/quarantine", "mapping", "reason", "schema"},
		"what is made of documents is the same for the command and for the page; both say where the documents are, and show what was found"},
	"internal/doctor": {[]string{
		".", "internal/catalog", "internal/catalog/gluecrawler", "internal/config", "internal/event", "internal/iceberg", "internal/ledger", "internal/pipeline", "internal/runs", "internal/setup",
		"internal/store", "internal/store/s3store", "internal/tables", "mapping"},
		"the doctor looks behind the contracts, at what only a bucket, a crawler or a table has; so it is beside setup, and only the command imports it"},
	"internal/awslambda": {[]string{
		"internal/catalog", "internal/config", "internal/event", "internal/iceberg", "internal/ledger", "internal/maintain", "internal/pipeline", "internal/setup", "internal/stepfunctions", "internal/store"},
		"the function is a shell around the pipeline: it holds no data logic, and neither the command nor the local lake is in its binary"},
	"cmd/sluice-lambda": {[]string{"internal/awslambda"},
		"main only gives internal/awslambda the client of the Runtime API: what is in main cannot be tested in process"},
	"internal/cli": {[]string{
		".", "internal/advice", "internal/atomicfile", "internal/awsconfig", "internal/awslambda", "internal/catalog", "internal/config", "internal/cost", "internal/doctor", "internal/documents", "internal/erase", "internal/event", "internal/fit", "internal/infer", "internal/lake", "internal/ledger", "internal/maintain", "internal/mappingdiff",
		"internal/pipeline", "internal/profile", "internal/profiler", "internal/query", "internal/query/duckdbcli", "internal/query/published", "internal/rejection", "internal/serve", "internal/setup", "internal/store", "internal/suggest", "internal/tables", "internal/upkeep", "mapping", "reason"},
		"the command is a shell around the root and the pipeline: it holds no data logic, so the only stages it imports are those that have what it prints: the advice of previews, the profiles of mappings, and the codes and errors that have hints"},
	"internal/servertest": {[]string{"internal/store/s3store"},
		"servertest starts other people's servers for tests; no program imports it"},
	"internal/fakeglue": {nil,
		"a Glue for tests shares nothing with what calls it"},
	"internal/awslambda/runtimetest": {nil,
		"the Runtime API is Lambda's; the test's side of it must share nothing with ours"},
	"docs": {nil,
		"documents, and the test that runs the commands in them"},
	"deploy": {nil,
		"the template and its tests; nothing is built from it"},
	"deploy/pack": {nil,
		"pack builds other programs and is not part of any"},
	"internal/archtest": {nil,
		"the check depends on nothing it checks"},
	"cmd/sluice": {[]string{"internal/cli"},
		"main only calls internal/cli: what is in main cannot be tested in process"},
}

const (
	contractTest = "a conformance suite only knows the contract, so that it fits every implementation"
	oneContract  = "an implementation knows its contract, but neither other implementations nor its callers"
)

// banned are imports that nobody may have, tests neither.
var banned = map[string]string{
	"unsafe": "the input is hostile: an error in our code must be a panic or a wrong answer a test can see, never a wild read",
	"C":      "the binary is static and cross-built with CGO_ENABLED=0",
}

// core is the library: the root and all below it.
var core = []string{
	".", "schema", "mapping", "internal/conversion", "internal/suggest", "internal/yamlfile", "internal/zones", "reason", "internal/rejection", "internal/jsonscan", "internal/input", "internal/batch",
	"internal/drift", "internal/flatten", "internal/parquettype", "internal/parquetcodec", "internal/parquetfile", "internal/parquetread", "internal/quarantine",
}

// offline are packages of the standard library that core must not have.
var offline = map[string]string{
	"net":      noNetwork,
	"net/http": noNetwork,
	"os/exec":  "the library starts no processes",
	"log":      "the library returns facts and errors; the shells print them",
	"log/slog": "the library returns facts and errors; the shells print them",
}

const noNetwork = "the library turns JSON into Parquet, without network or cloud SDK, so that a program that imports it does not get them either"

// library is one of other people's modules, and who may import it.
type library struct {
	path      string
	importers []string
	why       string
}

const (
	inProfile = "how different values are counted is a matter of the profile; no conversion needs it"
	inShell   = "only the command talks to people; a program that imports the library must not carry a command line framework"
)

var libraries = []library{
	{"github.com/aws/aws-sdk-go-v2/config", []string{"internal/awsconfig"},
		"the search for credentials is for people's machines; the Lambda function has them in its environment, and must not carry it"},
	{"github.com/aws", []string{
		"internal/awsconfig", "internal/awslambda", "internal/awsjson", "internal/eventbridge", "internal/glue", "internal/iceberg/restcatalog", "internal/patience", "internal/secretsmanager", "internal/servertest", "internal/setup", "internal/stepfunctions",
		"internal/store/s3store", "cmd/sluice-lambda"},
		"the cloud SDK stays behind the contracts of store and catalog, and in the shell that is a Lambda function; the library and the pipeline never reach it"},
	{"github.com/duckdb", nil,
		"DuckDB is cgo and 570 MB of libraries: only the module cmd/sluice-duckdb has it"},
	{"golang.org/x/sys", []string{"internal/filelock"},
		"only locks have a different system call on each operating system"},
	{"github.com/google/go-cmp", []string{"internal/catalog/catalogtest", "internal/query/querytest"},
		"a library for tests; conformance suites are tests that others import"},
	{"github.com/parquet-go/parquet-go", []string{"internal/erase/searchtest", "internal/parquetcodec", "internal/parquetcolumn", "internal/parquetfile", "internal/parquetread", "internal/parquettype"},
		"only these packages use the Parquet library, so that it can be replaced, and its panics caught, in one place; a search of tests reads files by itself"},
	{"github.com/klauspost/compress", []string{"internal/erase", "internal/erase/searchtest", "internal/iceberg", "internal/input", "internal/parquetcodec", "internal/parquetcolumn", "internal/runs", "internal/tables", "internal/zones", "internal/zstdpage"},
		"bytes are decompressed where they come in and compressed where they go out, as manifests, roots of ledgers and staged batches are; the rules of time zones lie compressed in the program"},
	{"github.com/bojanz/currency", []string{"internal/flatten"},
		"how many digits the minor unit of a currency has is for amounts, which are read there"},
	{"github.com/twmb/avro", []string{"internal/iceberg"},
		"the manifests of Iceberg are Avro, and nothing else is"},
	{"github.com/twmb/murmur3", []string{"internal/iceberg"},
		"buckets of Iceberg's partitions are made of its hash"},
	{"github.com/axiomhq/hyperloglog", []string{"internal/profile"}, inProfile},
	{"github.com/dgryski/go-metro", []string{"internal/profile"}, inProfile},
	{"go.yaml.in/yaml/v3", []string{"internal/config", "internal/cost", "internal/mappingdiff", "internal/yamlfile", "mapping"},
		"YAML is the format of the files that people write: mapping, configuration, prices"},
	{"pgregory.net/rapid", []string{"internal/store/storetest"},
		"a library for tests; conformance suites are tests that others import"},
	{"github.com/fsnotify/fsnotify", []string{"internal/arrivals"},
		"notifications only make the listing of a folder faster, so one package can do without them"},
	{"github.com/spf13/cobra", []string{"internal/cli"}, inShell},
	{"github.com/spf13/pflag", []string{"internal/cli"}, inShell},
	{"github.com/jedib0t/go-pretty/v6", []string{"internal/cli"}, inShell},
	{"golang.org/x/term", []string{"internal/cli"}, inShell},
}

// function is the program that is loaded before the first event is answered.
const function = "cmd/sluice-lambda"

// tooHeavy are packages the function must not reach, by whatever way: all of
// them are in its binary and run their initialisation, used or not.
var tooHeavy = map[string]string{
	"github.com/aws/aws-sdk-go-v2/config": "it brings single sign-on, security tokens and the machine's metadata, some 1.6 MB",
	"github.com/parquet-go/parquet-go":    "the root of the library brings its codecs, protobuf and geometry, some 1.7 MB; format, thrift and bloom are enough to write",
	"sluice/internal/cli":                 "the function has no command line",
	"sluice/internal/fit":                 "the function has the mapping that it was deployed with, and does not guess",
	"sluice/internal/parquetread":         "the function reads no Parquet",
	"sluice/internal/lake":                "the function shows nothing",
	"sluice/internal/query":               "the function answers no queries",
	"sluice/internal/arrivals":            "the function is told of each object by an event",
	"sluice/internal/serve":               "the function has no page",
	"sluice/internal/erase":               "the function erases nothing: what it may do is in its template",
	"sluice/internal/upkeep":              "the function reads no rows of tables: it commits them, and gives back what they need no more",
}
