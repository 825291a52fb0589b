package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what the program knows of its own build.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the repository; empty if it was not built from one
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	var report string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the Go version and the platform",
		Example: "  sluice version --report json",
		Args:    args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			v := buildVersion()
			if report == "json" {
				return printJSON(a.out, v)
			}
			fmt.Fprintf(a.out, "sluice %s (%s, %s)\n", v.Version, v.Go, v.Platform)
			return nil
		},
	}
	reportFlag(cmd, &report)
	return withExits(cmd, "0  it is printed", exitBad, exitFlag)
}

func buildVersion() version {
	v := version{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}
