package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
	"sluice/schema"
)

func TestReasonOf(t *testing.T) {
	api := func(code string) error {
		return fmt.Errorf("operation: %w", &smithy.OperationError{Err: &smithy.GenericAPIError{Code: code}})
	}
	for _, c := range []struct {
		err  error
		want catalog.Reason
	}{
		{api("EntityNotFoundException"), catalog.NotFound},
		{api("AccessDeniedException"), catalog.Denied},
		{api("ExpiredTokenException"), catalog.Denied},
		{api("ThrottlingException"), catalog.Throttled},
		{api("OperationTimeoutException"), catalog.Timeout},
		{api("InternalServiceException"), catalog.Failed},
		{errors.Join(errors.New("disk full"), api("ThrottlingException")), catalog.Throttled},
		{fmt.Errorf("%w: %w", catalog.ErrConflict, api("EntityNotFoundException")), catalog.Conflict},
		{fmt.Errorf("refresh %w", &catalog.RefusedError{Table: "a.b", Err: errors.New("a view")}), catalog.Refused},
		{context.DeadlineExceeded, catalog.Timeout},
		{&net.DNSError{IsTimeout: true}, catalog.Timeout},
		{&net.DNSError{}, catalog.Failed},
		{context.Canceled, catalog.Failed},
	} {
		if got := catalog.ReasonOf(c.err); got != c.want {
			t.Errorf("ReasonOf(%v) = %s, want %s", c.err, got, c.want)
		}
	}
}

// A context that ends while conflicts are waited out ends the waiting.
func TestRefreshEachEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tables := []catalog.Table{{Database: "a", Schema: schema.Schema{Table: "b"}}}
	calls := 0
	got, err := catalog.RefreshEach(ctx, tables, func(context.Context, catalog.Table) (catalog.Change, error) {
		calls++
		cancel()
		return catalog.Unchanged, catalog.ErrConflict
	})
	if !cmp.Equal(catalog.Result{Pending: true}, got) || !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("RefreshEach = %+v, %v, after %d calls", got, err, calls)
	}
}

func TestNone(t *testing.T) {
	for _, call := range []func(context.Context, []catalog.Table) (catalog.Result, error){catalog.None{}.Refresh, catalog.None{}.FollowUp} {
		if got, err := call(t.Context(), []catalog.Table{{}}); err != nil || !cmp.Equal(catalog.Result{}, got) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
