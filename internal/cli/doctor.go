package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/awsconfig"
	"sluice/internal/doctor"
	"sluice/internal/setup"
)

func (a *app) doctorCommand() *cobra.Command {
	var f placeFlags
	var report string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check configuration, rights, bucket, crawler and leftovers",
		Long: `Looks for faults in the setup of a pipeline: the configuration and the mapping;
whether source, sink, ledger and quarantine can be read, listed and written;
whether the server obeys conditional writes; versioning, lifecycle rules and
notifications of the bucket; the crawler or the tables; pending uploads; objects
that are newer than the ledger; outputs that differ from the ledger; and what an
older configuration has left. It writes small probes under the ledger and the
quarantine, and removes them again. docs/config.md explains each check.`,
		Example: `  sluice doctor -c sluice.yaml
  sluice doctor --lake lake/ --report json`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			return a.doctor(cmd, f, report)
		},
	}
	f.add(cmd)
	reportFlag(cmd, &report)
	return withExits(cmd, "0  nothing failed, also with warnings", "1  something failed", "2  wrong usage, or the configuration or the mapping is wrong")
}

// doctorReport is the report of the doctor; its JSON names are a contract.
type doctorReport struct {
	Checks []doctor.Check        `json:"checks"`
	Counts map[doctor.Status]int `json:"counts"`
}

var statusColors = map[doctor.Status]string{doctor.OK: green, doctor.Warning: yellow, doctor.Failed: red}

func (a *app) doctor(cmd *cobra.Command, f placeFlags, report string) error {
	r := doctorReport{Counts: map[doctor.Status]int{doctor.OK: 0, doctor.Warning: 0, doctor.Failed: 0, doctor.NotChecked: 0}}
	tell := func(c doctor.Check) {
		c.Detail = strings.ReplaceAll(c.Detail, "\n", "; ") // of several errors
		r.Checks = append(r.Checks, c)
		r.Counts[c.Status]++
		if report == "text" {
			const column = 35 // of the details
			fmt.Fprintf(a.out, "%s%*s  %-20s  %s\n", a.out.paint(statusColors[c.Status], string(c.Status)), 11-len(c.Status), "", c.Name, a.out.wrap(column, column, visible(c.Detail)))
			if c.Hint != "" {
				fmt.Fprintf(a.out, "%*s%s\n", column, "", a.out.wrap(column, column, "hint: "+visible(c.Hint)))
			}
		}
	}
	code, err := a.examine(cmd, f, tell)
	if err != nil {
		return err
	}
	if report == "json" {
		if err := printJSON(a.out, r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "%d ok, %s, %d failed, %d not checked\n", r.Counts[doctor.OK], plural(int64(r.Counts[doctor.Warning]), "warning"),
			r.Counts[doctor.Failed], r.Counts[doctor.NotChecked])
	}
	if code == exitOK && r.Counts[doctor.Failed] > 0 {
		code = exitFailed
	}
	if code != exitOK {
		return status(code)
	}
	return nil
}

// doctorWaits is how long the doctor waits for an answer. It makes many calls,
// and a person is waiting. A service that is silent for this long has a fault.
const doctorWaits = 20 * time.Second

// examine makes the checks; the code is that of a wrong configuration, or 0.
func (a *app) examine(cmd *cobra.Command, f placeFlags, tell func(doctor.Check)) (code int, err error) {
	c, err := f.load(cmd, a.getenv)
	if err != nil {
		tell(doctor.Check{Name: "configuration", Status: doctor.Failed, Detail: errorText(err), Hint: "docs/config.md describes the file and the variables"})
		return exitUsage, nil
	}
	if c.S3.Timeout == 0 || c.S3.Timeout > doctorWaits {
		c.S3.Timeout = doctorWaits
	}
	s, err := setup.New(cmd.Context(), c, f.lake, awsconfig.Load)
	if wrong := new(setup.MappingError); errors.As(err, &wrong) {
		tell(doctor.Check{Name: "mapping", Status: doctor.Failed, Detail: errorText(err), Hint: "docs/mapping.md describes the file"})
		return exitUsage, nil
	}
	tell(doctor.Check{Name: "configuration", Status: doctor.OK, Detail: strings.Join([]string{c.Source.String(), c.Sink.String()}, " -> ")})
	if key := new(setup.HashKeyError); errors.As(err, &key) {
		tell(doctor.HashKeyFailed(key))
		return exitOK, nil
	}
	if err != nil {
		tell(doctor.Check{Name: "places", Status: doctor.Failed, Detail: errorText(err), Hint: "look at the names in the configuration"})
		return exitOK, nil
	}
	defer s.Close()
	doctor.Examine(cmd.Context(), s, tell)
	return exitOK, cmd.Context().Err()
}
