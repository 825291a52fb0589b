package awsjson

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// domains are the partitions of AWS, and where their services are; with IPv6 they
// are elsewhere: https://docs.aws.amazon.com/general/latest/gr/rande.html
var domains = map[string]struct{ plain, dualStack string }{
	"aws":        {"amazonaws.com", "api.aws"},
	"aws-us-gov": {"amazonaws.com", "api.aws"},
	"aws-cn":     {"amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	"aws-eusc":   {"amazonaws.eu", "api.amazonwebservices.eu"},
	"aws-iso":    {"c2s.ic.gov", "api.aws.ic.gov"},
	"aws-iso-b":  {"sc2s.sgov.gov", "api.aws.scloud"},
	"aws-iso-e":  {"cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	"aws-iso-f":  {"csp.hci.ic.gov", "api.aws.hci.ic.gov"},
}

// endpoint is the URL of the service. What the settings of the SDK say comes first,
// as for its clients: that of this service, then that of all.
func (s Service) endpoint(ctx context.Context, c aws.Config, partition, region string) (string, error) {
	var fips, dualStack bool
	for _, source := range c.ConfigSources {
		if from, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if url, found, err := from.GetServiceBaseEndpoint(ctx, s.ID); found || err != nil {
				return url, err
			}
		}
		if from, ok := source.(interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok {
			state, found, err := from.GetUseFIPSEndpoint(ctx)
			if err != nil {
				return "", err
			}
			fips = fips || found && state == aws.FIPSEndpointStateEnabled
		}
		if from, ok := source.(interface {
			GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
		}); ok {
			state, found, err := from.GetUseDualStackEndpoint(ctx)
			if err != nil {
				return "", err
			}
			dualStack = dualStack || found && state == aws.DualStackEndpointStateEnabled
		}
	}
	if c.BaseEndpoint != nil {
		return *c.BaseEndpoint, nil
	}
	host, domain := s.Host, domains[partition].plain
	if fips {
		host += "-fips"
	}
	if dualStack {
		domain = domains[partition].dualStack
	}
	if domain == "" {
		return "", fmt.Errorf("the domain of the partition %s is not known; name the endpoint in AWS_ENDPOINT_URL_%s", partition, strings.ToUpper(strings.ReplaceAll(s.ID, " ", "_")))
	}
	return "https://" + host + "." + region + "." + domain, nil
}
