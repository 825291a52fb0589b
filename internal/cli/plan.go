package cli

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/documents"
	"sluice/mapping"
)

// job is one input and the files it becomes.
type job struct {
	input      string
	output     string   // what to call the output: a file, the folder of several tables, or "-"
	tables     []string // the file of each table of the mapping; none for standard output
	quarantine string   // "-" for standard output; empty: there is no place for it
	asked      bool     // the quarantine file was named by --quarantine
	folders    bool     // make the folders of the outputs
}

const quarantineEnd = ".quarantine.ndjson"

// plan decides the name of every file before any is written. It refuses one name
// for two things, and an output that would overwrite a file that is read.
// mappingFile is the file of the mapping, or empty.
func (a *app) plan(m *mapping.Mapping, mappingFile string, inputs []inputFile, output, quarantine string) ([]job, error) {
	s := a.streams()
	var err error
	if output, err = s.name("-o", output); err != nil {
		return nil, err
	}
	if quarantine, err = s.name("--quarantine", quarantine); err != nil {
		return nil, err
	}
	several := len(inputs) > 1 || len(m.Tables) > 1
	folder := several || isFolder(output)
	if len(inputs) > 1 {
		needs := plural(int64(len(inputs)), "input")
		if err := cmp.Or(refuseFile("-o", output, needs), refuseFile("--quarantine", quarantine, needs)); err != nil {
			return nil, err
		}
	}
	if len(m.Tables) > 1 {
		if err := refuseFile("-o", output, plural(int64(len(m.Tables)), "table")); err != nil {
			return nil, err
		}
	}

	var jobs []job
	for _, in := range inputs {
		j := job{input: in.name, output: output, folders: folder}
		name := filepath.Join(in.below, documents.BaseName(in.name)) // so partitions stay apart
		switch {
		case output == "-":
		case len(m.Tables) > 1:
			for _, t := range m.Tables {
				j.tables = append(j.tables, filepath.Join(output, t.Name, name+".parquet"))
			}
			j.quarantine = filepath.Join(output, name+quarantineEnd)
		default:
			if folder {
				j.output = filepath.Join(output, name+".parquet")
			}
			j.tables = []string{j.output}
			if !isStream(j.output) {
				j.quarantine = strings.TrimSuffix(j.output, ".parquet") + quarantineEnd
			}
		}
		switch {
		case quarantine == "":
		case len(inputs) > 1 || isFolder(quarantine):
			j.quarantine = filepath.Join(quarantine, name+quarantineEnd)
			j.folders = true
		default:
			j.quarantine, j.asked = quarantine, true
		}
		jobs = append(jobs, j)
	}
	return jobs, a.refuseConflicts(jobs, mappingFile, s)
}

// refuseFile refuses a name for a folder if it is a file or is named like one.
func refuseFile(flag, name, needs string) error {
	if name == "" {
		return nil
	}
	if name == "-" {
		return fmt.Errorf("%s - takes one input and a mapping with one table, not %s; name a folder", flag, needs)
	}
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s %s is a file, and a folder is needed for %s", flag, name, needs)
	}
	endings := []string{".parquet", ".json", ".ndjson", ".jsonl", ".csv", ".gz", ".zst"}
	if err != nil && !endsInSlash(name) && slices.Contains(endings, strings.ToLower(filepath.Ext(name))) {
		return fmt.Errorf("%s %s is named like a file, and a folder is needed for %s; name a folder, such as %s/", flag, name, needs, name)
	}
	return nil
}

func isFolder(name string) bool {
	if endsInSlash(name) {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func endsInSlash(name string) bool { return name != "" && os.IsPathSeparator(name[len(name)-1]) }
