// Command sluice turns nested JSON into typed Parquet tables; see sluice --help.
package main

import (
	"os"

	"sluice/internal/cli"
)

func main() { os.Exit(cli.Process(nil)) }
