package mulligan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
)

const (
	noCapacity = "NO_CAPACITY"
	// Of a site that the catalogue knows, but no living process of the service there.
	noServiceThere = "NO_SERVICE"
	// A site's answer to what is for a region that another one serves; nothing was done.
	regionElsewhere = "REGION_ELSEWHERE"
	chooseSite      = "choose one: Options.Site, of a client of its own"
)

// siteFailure is what a site failed with.
type siteFailure struct {
	site *Site
	err  error
}

// asError gives an error of a call; nil: it is none of those.
func asError(err error) *Error {
	var failed *Error
	errors.As(err, &failed)
	return failed
}

// isAway tells the error of a site that did not answer.
func isAway(err error) bool {
	failed := asError(err)
	return failed != nil && !failed.ofRenewal &&
		(failed.Status == codes.Unavailable || failed.Status == codes.DeadlineExceeded)
}

// isNotHere tells the error of a site that has nothing of what is asked for, as far as the caller
// sees.
func isNotHere(err error) bool {
	failed := asError(err)
	return failed != nil && (failed.Status == codes.NotFound || failed.Status == codes.PermissionDenied)
}

func idsOf(sites []*Site) string {
	ids := []string{}
	for _, one := range sites {
		ids = append(ids, one.ID)
	}
	return strings.Join(ids, ", ")
}

// whichSite says that nothing in a request tells the site that it is for.
func whichSite(method *Method, sites []*Site) error {
	return &Error{
		Code: "WHICH_SITE", Status: codes.InvalidArgument, Field: "site",
		Message: fmt.Sprintf("%s is for one site, and there are %d: %s; %s", method.name(), len(sites), idsOf(sites), chooseSite),
	}
}

// whichWatch says why several sites are not watched from a revision.
func whichWatch(sites []*Site) error {
	return &Error{
		Code: "WHICH_SITE", Status: codes.InvalidArgument, Field: "after_revision",
		Message: fmt.Sprintf("each of the %d sites counts revisions of its own (%s), so one watch of them all begins with what comes next; leave the revision out, name an object or operation, or %s", len(sites), idsOf(sites), chooseSite),
	}
}

// unknownObject says that it is not known which site has what is to be watched.
func unknownObject(id string, sites []*Site) error {
	return &Error{
		Code: "WHICH_SITE", Status: codes.InvalidArgument, Field: "object_id", ObjectID: id,
		Message: fmt.Sprintf("it is not known at which of the %d sites %s is, or it is at all of them; get it first, as with GetOperation, or watch without it", len(sites), id),
	}
}

// severalSites says that a change is of objects at more than one site.
func severalSites(method *Method, ids []string) error {
	return &Error{
		Code: "SEVERAL_SITES", Status: codes.InvalidArgument,
		Message: fmt.Sprintf("%s names objects of several sites (%s), and a change is of one; change those of each site in a call of their own", method.name(), strings.Join(slices.Sorted(slices.Values(ids)), ", ")),
	}
}

// noSite says that nobody serves a region.
func noSite(regions []string) error {
	return &Error{
		Code: "NO_SITE", Status: codes.FailedPrecondition, Field: "region", ObjectType: "region", ObjectID: first(regions),
		Message: fmt.Sprintf("no site serves region %s; start one with `mulligan serve --serves-region`, see `mulligan service list`", strings.Join(regions, ", ")),
	}
}

// noSuchSite says that iam's catalogue has no such site.
func noSuchSite(id string) error {
	return &Error{
		Code: "NOT_FOUND", Status: codes.NotFound, ObjectType: "site", ObjectID: id,
		Message: fmt.Sprintf("there is no site %s; see `mulligan service list`", id),
	}
}

// noService says that a site can't be called, and why. Nothing was sent.
func noService(site *Site, service string) error {
	dropped := ""
	if len(site.untrusted) > 0 {
		dropped = fmt.Sprintf(" (a token is not sent to %s: it has no TLS or leads to this machine, other than iam's address)", strings.Join(site.untrusted, ", "))
	}
	return &Error{
		Code: noServiceThere, Status: codes.Unavailable, ObjectType: "site", ObjectID: site.ID, unsent: true,
		Message: fmt.Sprintf("%s has no service %s that this client can reach%s; see `mulligan service list`", site, service, dropped),
	}
}

// noneAlive says of a site that did not answer that iam does not hear of its processes either.
func noneAlive(site *Site, service string, failed *Error) error {
	said := *failed
	said.Code, said.ObjectType, said.ObjectID = noServiceThere, "site", site.ID
	said.Message = fmt.Sprintf("no process of service %s of %s is alive: %s", service, site, failed.Message)
	return &said
}

// noRevision says that a site can't be watched yet without missing something.
func noRevision(site *Site, err error) error {
	return &Error{
		Code: "NO_REVISION", Status: codes.Unavailable, ObjectType: "site", ObjectID: site.ID, cause: err,
		Message: fmt.Sprintf("%s does not tell its revision, so it is watched only from when it does, and what changes there before is missed: %s", site, err),
	}
}

// mayBeDone says that a request may not go elsewhere: a site that is no more may have done it.
func mayBeDone(site, requestID string) error {
	return &Error{
		Code: "SITE_GONE", Status: codes.FailedPrecondition, Field: "request_id", ObjectType: "site", ObjectID: site,
		Message: fmt.Sprintf("request %s may have been done at site %s, which iam does not know any more, so it is made nowhere else; look at the claims, or use another request id", requestID, site),
	}
}

// foreignToken says that a page token names no site, or none that there is.
func foreignToken() error {
	return &Error{
		Code: "INVALID_PAGE_TOKEN", Status: codes.InvalidArgument, Field: "page.token",
		Message: "the page token is of other sites than there are now; start from the first page",
	}
}

// together makes one error of what several sites said: one that is away might have had it.
func together(failures []siteFailure) error {
	chosen, full := failures[0], []string{}
	for _, one := range slices.Backward(failures) {
		if HasCode(one.err, noCapacity) {
			chosen = one
			full = append([]string{fmt.Sprintf("%s: %s", one.site, one.err)}, full...)
		}
	}
	away := slices.IndexFunc(failures, func(one siteFailure) bool { return isAway(one.err) && !asError(one.err).unsent })
	if away < 0 {
		away = slices.IndexFunc(failures, func(one siteFailure) bool { return isAway(one.err) })
	}
	if away >= 0 {
		chosen = failures[away]
	}
	failed := asError(chosen.err)
	if failed == nil || len(failures) == 1 {
		return chosen.err
	}
	said := *failed
	switch {
	case failed.unsent:
	case away >= 0:
		said.Message = fmt.Sprintf("%s is away: %s", chosen.site, failed.Message)
	case len(full) > 1:
		said.Message = strings.Join(full, "; ")
	}
	return &said
}

// firstOf asks one site after the other until one has what is wanted.
func firstOf[Answer any](ctx context.Context, sites []*Site, ask func(*Site) (Answer, error), goesOn ...func(error) bool) (Answer, error) {
	var none Answer
	failures := []siteFailure{}
	for _, site := range sites {
		found, err := ask(site)
		if err == nil {
			return found, nil
		}
		isNext := slices.ContainsFunc(goesOn, func(tells func(error) bool) bool { return tells(err) })
		if ctx.Err() != nil || !isNext && !HasCode(err, noCapacity) {
			return none, err
		}
		failures = append(failures, siteFailure{site, err})
	}
	return none, together(failures)
}
