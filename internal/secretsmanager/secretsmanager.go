// Package secretsmanager reads a secret of AWS Secrets Manager.
package secretsmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/awsjson"
)

var service = awsjson.Service{ID: "Secrets Manager", Host: "secretsmanager", Target: "secretsmanager"}

// GetSecretValue is the current value of the secret with this ARN, which says the
// region to ask. It waits as patience.Bound says; 0 is the default.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func GetSecretValue(ctx context.Context, c aws.Config, arn string, timeout time.Duration) ([]byte, error) {
	value, err := get(ctx, c, arn, timeout)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", arn, err)
	}
	return value, nil
}

func get(ctx context.Context, c aws.Config, arn string, timeout time.Duration) ([]byte, error) {
	if strings.Count(arn, ":") != 6 {
		return nil, errors.New("it is not the ARN of a secret")
	}
	client, err := service.Of(arn, c, timeout)
	if err != nil {
		return nil, err
	}
	body, err := client.Call(ctx, "GetSecretValue", map[string]string{"SecretId": arn})
	if err != nil {
		return nil, err
	}
	// No error has a part of the answer: it may be the secret.
	var answer struct {
		SecretString *string
		SecretBinary []byte
	}
	if json.Unmarshal(body, &answer) != nil {
		return nil, errors.New("the answer is not JSON of a secret")
	}
	if answer.SecretString != nil {
		return []byte(*answer.SecretString), nil
	}
	return answer.SecretBinary, nil
}
