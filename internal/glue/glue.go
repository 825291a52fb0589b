// Package glue calls AWS Glue. What it knows of tables and crawlers has the names of the
// API: https://docs.aws.amazon.com/glue/latest/webapi/
package glue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/awsjson"
)

var service = awsjson.Service{ID: "Glue", Host: "glue", Target: "AWSGlue"}

// Client is Glue in one region of an account. Its errors have the code of the API, in
// the method ErrorCode.
type Client struct{ calls *awsjson.Client }

// New returns a client that waits as patience.Bound says; 0 is the default.
func New(c aws.Config, timeout time.Duration) *Client { return &Client{service.In(c, timeout)} }

// Once is the client without repetitions: what it is asked reaches Glue once or not at all.
func (c *Client) Once() *Client { return &Client{c.calls.Once()} }

// GetTable reads a table. https://docs.aws.amazon.com/glue/latest/webapi/API_GetTable.html
func (c *Client) GetTable(ctx context.Context, database, name string) (*Table, error) {
	body, err := c.calls.Call(ctx, "GetTable", map[string]string{"DatabaseName": database, "Name": name})
	if err != nil {
		return nil, err
	}
	var answer struct{ Table *Table }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("the answer of Glue is not JSON of a table: %w", err)
	}
	if answer.Table == nil { // which the API does not rule out
		return nil, errors.New("the answer of Glue has no table")
	}
	return answer.Table, nil
}

// CreateTable makes a table. https://docs.aws.amazon.com/glue/latest/webapi/API_CreateTable.html
func (c *Client) CreateTable(ctx context.Context, database string, t *TableInput) error {
	_, err := c.calls.Call(ctx, "CreateTable", struct {
		DatabaseName string
		TableInput   *TableInput
	}{database, t})
	return err
}

// UpdateTable replaces a table by what it has been changed to since GetTable. It fails
// if the table has another version by then: else the last of several writers would
// silently win. The version before is not archived, as each archived version counts
// against a limit of the account.
// https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
func (c *Client) UpdateTable(ctx context.Context, database string, t *Table) error {
	_, err := c.calls.Call(ctx, "UpdateTable", struct {
		DatabaseName string
		TableInput   *TableInput
		VersionID    string `json:"VersionId,omitempty"`
		SkipArchive  bool
	}{database, &t.TableInput, t.VersionID, true})
	return err
}

// StartCrawler starts a crawler. https://docs.aws.amazon.com/glue/latest/webapi/API_StartCrawler.html
func (c *Client) StartCrawler(ctx context.Context, name string) error {
	_, err := c.calls.Call(ctx, "StartCrawler", map[string]string{"Name": name})
	return err
}

// GetCrawler looks at a crawler. https://docs.aws.amazon.com/glue/latest/webapi/API_GetCrawler.html
func (c *Client) GetCrawler(ctx context.Context, name string) (*Crawler, error) {
	body, err := c.calls.Call(ctx, "GetCrawler", map[string]string{"Name": name})
	if err != nil {
		return nil, err
	}
	var answer struct{ Crawler *Crawler }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("the answer of Glue is not JSON of a crawler: %w", err)
	}
	if answer.Crawler == nil {
		return nil, errors.New("the answer of Glue has no crawler")
	}
	return answer.Crawler, nil
}
