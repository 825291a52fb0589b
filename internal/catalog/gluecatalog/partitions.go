package gluecatalog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"sluice/internal/catalog"
)

// Partition is a folder of a partitioned table.
type Partition struct {
	Values   []string // one per partition key, in their order
	Location string
}

const (
	// batchSize is the most BatchCreatePartition takes
	// (https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html).
	batchSize         = 100
	partitionAttempts = 5
)

// AddPartitions registers partitions of a table that is partitioned already.
// One that is registered is left as it is. Errors speak of partitions by their
// place in the argument, since their values are data.
func (c *Catalog) AddPartitions(ctx context.Context, database, table string, partitions []Partition) error {
	fail := func(err error) error {
		return fmt.Errorf("add partitions of table %s.%s: %w", database, table, err)
	}
	got, err := c.client.GetTable(ctx, &glue.GetTableInput{DatabaseName: &database, Name: &table})
	if err != nil {
		return fail(err)
	}
	if got.Table == nil || got.Table.StorageDescriptor == nil {
		return fail(errNoTable)
	}
	inputs := make([]types.PartitionInput, len(partitions))
	for i, p := range partitions {
		if keys := len(got.Table.PartitionKeys); len(p.Values) != keys {
			return fail(fmt.Errorf("partition %d has %d values, the table has %d partition keys", i, len(p.Values), keys))
		}
		storage := *got.Table.StorageDescriptor
		storage.Location = aws.String(folder(p.Location))
		inputs[i] = types.PartitionInput{Values: p.Values, StorageDescriptor: &storage}
	}
	first := 0
	for batch := range slices.Chunk(inputs, batchSize) {
		if err := c.addBatch(ctx, database, table, batch, first); err != nil {
			return fail(err)
		}
		first += len(batch)
	}
	return nil
}

// addBatch registers at most batchSize partitions, and those again that failed
// for a moment. first is the place of the batch in the whole.
func (c *Catalog) addBatch(ctx context.Context, database, table string, batch []types.PartitionInput, first int) error {
	left := batch
	pause := 50 * time.Millisecond
	for attempt := 1; ; attempt++ {
		out, err := c.client.BatchCreatePartition(ctx, &glue.BatchCreatePartitionInput{
			DatabaseName: &database, TableName: &table, PartitionInputList: left,
		})
		if err != nil {
			return err
		}
		var failed []types.PartitionInput
		var last error // of an item
		for _, e := range out.Errors {
			i := slices.IndexFunc(batch, func(p types.PartitionInput) bool { return slices.Equal(p.Values, e.PartitionValues) })
			code := ""
			if e.ErrorDetail != nil {
				code = aws.ToString(e.ErrorDetail.ErrorCode)
			}
			if code == alreadyExists {
				continue
			}
			if i < 0 {
				return errors.New("the answer names a partition that was not asked for")
			}
			last = &partitionError{place: first + i, code: code}
			if !passing(code) {
				return last
			}
			failed = append(failed, batch[i])
		}
		if len(failed) == 0 {
			return nil
		}
		if attempt == partitionAttempts {
			return fmt.Errorf("%d partitions failed %d times: %w", len(failed), attempt, last)
		}
		if err := catalog.Sleep(ctx, rand.N(pause)); err != nil {
			return err
		}
		left, pause = failed, pause*2
	}
}

// partitionError is an error of one partition. The message of Glue is left out,
// as it can hold the values.
type partitionError struct {
	place int
	code  string
}

func (e *partitionError) Error() string { return fmt.Sprintf("partition %d: %s", e.place, e.code) }

// ErrorCode makes the code known to catalog.ReasonOf.
func (e *partitionError) ErrorCode() string { return e.code }

// passing reports whether an error of one partition is worth another attempt.
func passing(code string) bool {
	switch code {
	case "InternalServiceException", "OperationTimeoutException", "ConcurrentModificationException", "ThrottlingException":
		return true
	}
	return false
}
