// Command sluice-lambda is the bootstrap of the Lambda function; see docs/lambda.md.
package main

import (
	"context"
	"os"

	"sluice/internal/awslambda"
)

func main() { os.Exit(awslambda.Main(context.Background(), os.Getenv, os.Stdout, os.Stderr)) }
