package awslambda

import (
	"fmt"

	"sluice/internal/catalog"
	"sluice/internal/pipeline"
)

// published reports whether the outputs of a key exist, from this call or from an
// earlier one, whose caller may have died before its refresh.
func (o *object) published() bool {
	return o.err == nil && (o.result.Disposition == pipeline.DidCommit || o.result.Disposition == pipeline.DidDuplicate)
}

// refresh brings the catalog up to date, once for all objects of the invocation. After
// an error, commits must not be acknowledged: see refreshTables.
func (in *invocation) refresh(outcomes []outcome) error {
	for _, o := range outcomes {
		if o.object != nil && o.object.published() {
			return in.refreshTables()
		}
	}
	return nil
}

// refreshTables counts and logs a failure of the catalog. It returns the failure
// only if no follow-up would repair it: the same event must then come again.
func (in *invocation) refreshTables() error {
	var result catalog.Result
	err := pipeline.Contain(func() (err error) {
		result, err = in.setup.Catalog.Refresh(in.rest, in.setup.TablesFound(in.sum.Written))
		return err
	})
	in.logCatalog("catalog refreshed", result, err)
	if err == nil || result.Pending {
		return nil
	}
	return fmt.Errorf("the objects are committed, but the catalog cannot remember them: %w", in.presentable(err))
}

// followUp does what earlier refreshes left. Nothing else does it before the next
// schedule, so a failure here is a failure of the invocation.
func (in *invocation) followUp() error {
	var result catalog.Result
	err := pipeline.Contain(func() (err error) {
		result, err = in.setup.Catalog.FollowUp(in.rest, in.setup.TablesFound(in.sum.Written))
		return err
	})
	in.logCatalog("catalog followed up", result, err)
	if err != nil {
		return fmt.Errorf("follow up the catalog: %w", in.presentable(err))
	}
	return nil
}
