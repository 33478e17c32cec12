package mulligan

import (
	"context"
	"iter"
	"strings"
	"sync"

	iamv1 "mulligan.internal/client/gen/iamv1"
)

// regionTree reads which regions are below which; while iam is away, what it told before holds.
type regionTree struct {
	// Gives all regions.
	read     func(context.Context) iter.Seq2[*iamv1.Region, error]
	mutex    sync.Mutex
	children map[string][]string
}

// below gives a region and all below it that the caller sees.
func (t *regionTree) below(ctx context.Context, region string) ([]string, error) {
	children := map[string][]string{}
	for row, err := range t.read(ctx) {
		if err != nil {
			t.mutex.Lock()
			children = t.children
			t.mutex.Unlock()
			if children == nil || !isAway(err) || ctx.Err() != nil {
				return nil, err
			}
			break
		}
		parent := strings.ToLower(row.Parent)
		children[parent] = append(children[parent], strings.ToLower(row.Metadata.GetId()))
	}
	t.mutex.Lock()
	t.children = children
	t.mutex.Unlock()
	found, met := []string{region}, map[string]bool{region: true}
	for place := 0; place < len(found); place++ {
		for _, one := range children[found[place]] {
			if !met[one] {
				met[one] = true
				found = append(found, one)
			}
		}
	}
	return found, nil
}
