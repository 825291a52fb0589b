// Package awsconfig looks for region, endpoint and credentials wherever the AWS
// SDK does: environment, shared configuration, single sign-on, the role of the
// machine. The Lambda function has all it needs in its environment and does
// not carry this.
package awsconfig

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Load is what the SDK finds.
func Load(ctx context.Context) (aws.Config, error) { return config.LoadDefaultConfig(ctx) }
