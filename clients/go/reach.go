package mulligan

import (
	"slices"
	"sync"
	"time"
)

const (
	// So long a site that did not answer is asked once only, where others are asked too.
	awayFor = 30 * time.Second
	// The deadline of that.
	hurriedWithin = 3 * time.Second
)

// reach remembers which addresses and sites did not answer: those are asked later than others, and
// not for long.
type reach struct {
	now       func() time.Time
	mutex     sync.Mutex
	failing   map[string]bool
	awayUntil map[string]time.Time
}

func newReach(now func() time.Time) *reach {
	return &reach{now: now, failing: map[string]bool{}, awayUntil: map[string]time.Time{}}
}

// ordered puts those first that did not fail when they were last asked.
func (r *reach) ordered(addresses []string) []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	good, bad := []string{}, []string{}
	for _, one := range addresses {
		if r.failing[one] {
			bad = append(bad, one)
		} else {
			good = append(good, one)
		}
	}
	return slices.Concat(good, bad)
}

// failed notes that nobody answered there.
func (r *reach) failed(address string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.failing[address] = true
}

// answered notes that somebody did.
func (r *reach) answered(site *Site, address string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.failing, address)
	delete(r.awayUntil, site.ID)
}

// lost notes that a site answered at no address, or not in time.
func (r *reach) lost(site *Site) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.awayUntil[site.ID] = r.now().Add(awayFor)
}

// isAway tells whether a site is known not to answer: by the catalogue, or by a call of late.
func (r *reach) isAway(site *Site) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return !site.alive || r.now().Before(r.awayUntil[site.ID])
}
