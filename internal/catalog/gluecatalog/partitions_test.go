package gluecatalog_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/catalog"
	"sluice/internal/catalog/gluecatalog"
)

func days(from, to int) []gluecatalog.Partition {
	var all []gluecatalog.Partition
	for i := from; i < to; i++ {
		all = append(all, gluecatalog.Partition{Values: []string{fmt.Sprint("d", i)}, Location: fmt.Sprintf("s3://bucket/t/day=d%d", i)})
	}
	return all
}

// More than a call takes, some registered before, some that fail once (I43).
func TestAddPartitions(t *testing.T) {
	f := newFakeGlue()
	f.put("sales", existing())
	c := gluecatalog.New(f.client(t))
	if err := c.AddPartitions(t.Context(), "sales", "t", days(0, 30)); err != nil {
		t.Fatal(err)
	}
	failed, sent := map[string]bool{}, 0
	f.before = func(operation string, in object) string {
		if list, ok := in["PartitionInputList"].([]any); ok {
			sent += len(list)
		}
		if operation != "partition" {
			return ""
		}
		storage := in["StorageDescriptor"].(object)
		value := in["Values"].([]any)[0].(string)
		if storage["Location"] != "s3://bucket/t/day="+value+"/" || storage["Columns"] == nil || storage["SerdeInfo"] == nil {
			t.Errorf("storage of partition %s: %v", value, storage)
		}
		if strings.HasSuffix(value, "7") && !failed[value] {
			failed[value] = true
			return "InternalServiceException"
		}
		return ""
	}
	if err := c.AddPartitions(t.Context(), "sales", "t", days(20, 250)); err != nil {
		t.Fatal(err)
	}
	if len(f.parts) != 250 || len(failed) != 22 {
		t.Errorf("%d partitions are registered, %d of them after a failure", len(f.parts), len(failed))
	}
	if n := f.count("BatchCreatePartition"); n != 1+3*2 {
		t.Errorf("BatchCreatePartition was called %d times", n)
	}
	if sent != 230+22 {
		t.Errorf("%d partitions were sent, want 230, and 22 of them twice", sent)
	}
}

func TestAddPartitionsErrors(t *testing.T) {
	for _, c := range []struct {
		name, operation, code string
		partitions            []gluecatalog.Partition
		want                  string
		reason                catalog.Reason
	}{
		{"no table", "GetTable", "EntityNotFoundException", days(0, 1), "EntityNotFoundException", catalog.NotFound},
		{"call denied", "BatchCreatePartition", "AccessDeniedException", days(0, 1), "AccessDeniedException", catalog.Denied},
		{"one invalid", "partition", "InvalidInputException", days(0, 1), "partition 0: InvalidInputException", catalog.Failed},
		{"fails for ever", "partition", "InternalServiceException", days(0, 2), "2 partitions failed 5 times: partition 1: InternalServiceException", catalog.Failed},
		{"invalid in the second call", "partition", "InvalidInputException of d150", days(0, 200), "partition 150: InvalidInputException", catalog.Failed},
		{"too many values", "", "", []gluecatalog.Partition{{Values: []string{"d1", "d2"}}}, "partition 0 has 2 values, the table has 1 partition keys", catalog.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeGlue()
			f.put("sales", existing())
			code, only, _ := strings.Cut(c.code, " of ")
			f.before = func(operation string, in object) string {
				if operation == c.operation && (only == "" || in["Values"].([]any)[0] == only) {
					return code
				}
				return ""
			}
			err := gluecatalog.New(f.client(t)).AddPartitions(t.Context(), "sales", "t", c.partitions)
			if err == nil || !strings.Contains(err.Error(), "add partitions of table sales.t: ") || !strings.Contains(err.Error(), c.want) || catalog.ReasonOf(err) != c.reason {
				t.Errorf("the error is %v (%s), want %q", err, catalog.ReasonOf(err), c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "d1") || strings.Contains(err.Error(), "2024-01-10")) {
				t.Errorf("the error %q has a value of the data", err)
			}
		})
	}
}
