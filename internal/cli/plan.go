package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/mapping"
)

// job is one input and the files it becomes.
type job struct {
	input      string
	output     string   // what to call the output: a file, the folder of several tables, or "-"
	tables     []string // the file of each table of the mapping; none for standard output
	quarantine string   // empty: there is no place for it
	asked      bool     // the quarantine file was named by --quarantine
	folders    bool     // make the folders of the outputs
}

// plan decides the name of every file before one is written, and refuses what
// contradicts: one name for two things, or an output over an input.
func plan(m *mapping.Mapping, inputs []string, output, quarantine string) ([]job, error) {
	several := len(inputs) > 1 || len(m.Tables) > 1
	if output == "-" && several {
		return nil, errors.New("-o - takes one input and a mapping with one table; name a folder")
	}
	if quarantine == "-" {
		return nil, errors.New("--quarantine - is not possible; name a file")
	}
	folder := several || isFolder(output)
	if info, err := os.Stat(output); folder && err == nil && !info.IsDir() {
		return nil, fmt.Errorf("-o %s is a file, and a folder is needed for several inputs or tables", output)
	}

	var jobs []job
	for _, in := range inputs {
		j := job{input: in, output: output, folders: folder}
		name := baseName(in)
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
			if !isSpecial(j.output) {
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
	return jobs, refuseConflicts(jobs)
}

const quarantineEnd = ".quarantine.ndjson"

// refuseConflicts looks for a file that is to be written twice, or read too.
func refuseConflicts(jobs []job) error {
	inputs := map[string]fs.FileInfo{}
	for _, j := range jobs {
		if info, err := os.Stat(j.input); err == nil && info.Mode().IsRegular() {
			inputs[j.input] = info
		}
	}
	writer := map[string]string{} // file to be written -> the input it is made from
	for _, j := range jobs {
		for _, name := range slices.Concat(j.tables, []string{j.quarantine}) {
			if name == "" || isSpecial(name) {
				continue
			}
			key, err := filepath.Abs(name)
			if err != nil {
				return err
			}
			if first, taken := writer[key]; taken && first == j.input {
				return fmt.Errorf("%s would be written twice from %s; give output and quarantine different names", name, first)
			} else if taken {
				return fmt.Errorf("%s and %s would both be written to %s; convert them one at a time", first, j.input, name)
			}
			writer[key] = j.input
			info, err := os.Stat(name)
			if err != nil {
				continue
			}
			for in, read := range inputs {
				if os.SameFile(info, read) {
					return fmt.Errorf("%s is an input and would be overwritten; choose another name with -o or --quarantine", in)
				}
			}
		}
	}
	return nil
}

// baseName is the name of an input's outputs: without folder and endings.
func baseName(input string) string {
	if input == "-" {
		return "stdin"
	}
	name := filepath.Base(input)
	for _, endings := range [][]string{{".gz", ".zst"}, {".json", ".ndjson", ".jsonl"}} {
		for _, end := range endings {
			if short, ok := strings.CutSuffix(name, end); ok && short != "" {
				name = short
				break
			}
		}
	}
	return name
}

func isFolder(name string) bool {
	if name != "" && os.IsPathSeparator(name[len(name)-1]) {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// isSpecial reports whether a name is that of a device or FIFO.
func isSpecial(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}
