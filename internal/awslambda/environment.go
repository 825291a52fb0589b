package awslambda

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// environment is the configuration of the AWS SDK from the variables that Lambda
// sets (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html),
// and from those for other endpoints. The SDK's own search also knows files,
// single sign-on and the roles of machines. No function has those, and the search
// adds three megabytes to the binary.
func environment(getenv func(string) string) aws.Config {
	c := aws.Config{
		Region: getenv("AWS_REGION"),
		// Lambda changes them only together with the process.
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken: getenv("AWS_SESSION_TOKEN"), Source: "environment",
			}, nil
		}),
		ConfigSources: []any{variables{getenv}},
	}
	if c.Region == "" {
		c.Region = getenv("AWS_DEFAULT_REGION")
	}
	if url := getenv("AWS_ENDPOINT_URL"); url != "" {
		c.BaseEndpoint = &url
	}
	return c
}

// variables answers the settings that the clients of the SDK ask for, as the SDK's
// own search would
// (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
type variables struct{ getenv func(string) string }

// GetServiceBaseEndpoint is the endpoint of one service.
func (v variables) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	url := v.getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(service, " ", "_")))
	return url, url != "", nil
}

// GetUseFIPSEndpoint is for endpoints with validated cryptography.
func (v variables) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, v.on("AWS_USE_FIPS_ENDPOINT"), nil
}

// GetUseDualStackEndpoint is for endpoints with IPv6.
func (v variables) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, v.on("AWS_USE_DUALSTACK_ENDPOINT"), nil
}

func (v variables) on(name string) bool { return strings.EqualFold(v.getenv(name), "true") }
