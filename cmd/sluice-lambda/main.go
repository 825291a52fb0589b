// Command sluice-lambda is the bootstrap of the Lambda function; see docs/lambda.md.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"sluice/internal/awslambda"
)

func main() {
	os.Exit(awslambda.Main(context.Background(), os.Getenv, os.Stdout, os.Stderr, serve))
}

// serve is the client of Lambda's Runtime API. It is here because the command
// also contains the handler: with this package, which can link net/rpc, the
// command would be twice as large.
func serve(ctx context.Context, handle func(context.Context, json.RawMessage) (any, error)) {
	lambda.StartWithOptions(handle, lambda.WithContext(ctx))
}
