package mulligan

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "mulligan.internal/client/gen/commonv1"
)

const (
	// Of a page, where the request doesn't say.
	usualSize = 100
	// What a token of several sites begins with; a site's own begins with a digest.
	atSites = "at:"
)

// siteList makes pages of a list that several sites have: one site after the other, or all in one
// order. A token says where each site goes on: "at:SITE/TOKEN" of those that are read one after the
// other, and "at:SITE/TOKEN,SITE/TOKEN" of those that are merged.
type siteList struct {
	sites   []*Site
	request proto.Message
	answers protoreflect.MessageType
	// Gives pages of several sites, asked at the same time; nil where one is away, or has nothing of
	// what is asked for.
	pages func([]siteRequest) []proto.Message
}

// order is what rows are ordered by over all sites.
type order struct {
	compare      func(one, other proto.Message) int
	isDescending bool
	// Rows that compare the same are one object, which several sites tell of.
	isOnce bool
}

// cursor is where a site goes on.
type cursor struct {
	site  *Site
	token string
}

func (c cursor) String() string { return c.site.ID + "/" + url.QueryEscape(c.token) }

// isOfSites tells whether a request goes on with a list of several sites.
func isOfSites(request proto.Message) bool {
	return hasPages(request) && strings.HasPrefix(pageOf(request).GetToken(), atSites)
}

func (l siteList) page(by *order) (proto.Message, error) {
	cursors, err := l.cursors()
	if err != nil {
		return nil, err
	}
	if by != nil {
		return l.inOrder(cursors, *by), nil
	}
	return l.siteBySite(cursors[0]), nil
}

// siteBySite gives a page of one site; after its last one that of the next site. Of several sites it
// has no revision, since each counts its own.
func (l siteList) siteBySite(from cursor) proto.Message {
	left := l.sites[slices.Index(l.sites, from.site):]
	var found proto.Message
	for found == nil && len(left) > 0 {
		if left[0] != from.site {
			from = cursor{site: left[0]}
		}
		left = left[1:]
		found = l.pages([]siteRequest{{from.site, l.asked(from.token, pageOf(l.request).GetSize())}})[0]
	}
	if found == nil {
		return l.answers.New().Interface()
	}
	if token := nextToken(found); token != "" {
		setText(found, "next_page_token", atSites+cursor{from.site, token}.String())
	} else if len(left) > 0 {
		setText(found, "next_page_token", atSites+cursor{left[0], ""}.String())
	}
	message := found.ProtoReflect()
	if revision := message.Descriptor().Fields().ByName("revision"); revision != nil && len(l.sites) > 1 {
		message.Clear(revision)
	}
	return found
}

// inOrder gives a page of what all sites have, in the order that was asked for. Each is asked for a
// whole page, and once more for as much of it as belongs here: so its token goes on behind that.
func (l siteList) inOrder(cursors []cursor, by order) proto.Message {
	size := int(pageOf(l.request).GetSize())
	if size == 0 {
		size = usualSize
	}
	asked := []siteRequest{}
	for _, one := range cursors {
		asked = append(asked, siteRequest{one.site, l.asked(one.token, int32(size))})
	}
	pages, from := []proto.Message{}, []cursor{}
	for place, page := range l.pages(asked) {
		if page != nil {
			pages, from = append(pages, page), append(from, cursors[place])
		}
	}
	counts, next, merged := by.counts(pages, size), []string{}, []proto.Message{}
	for place, page := range pages {
		rows, at := rowsOf(page), cursor{from[place].site, nextToken(page)}
		switch {
		case counts[place] == 0 && len(rows) > 0:
			rows, at = nil, from[place]
		case counts[place] < len(rows):
			if rows, at.token = l.some(from[place], counts[place]); rows == nil {
				continue
			}
		}
		merged = append(merged, rows...)
		if at.token != "" || counts[place] == 0 && len(rowsOf(page)) > 0 {
			next = append(next, at.String())
		}
	}
	slices.SortStableFunc(merged, by.direction())
	if by.isOnce {
		merged = slices.CompactFunc(merged, func(one, other proto.Message) bool { return by.compare(one, other) == 0 })
	}
	answer := l.answers.New().Interface()
	setRows(answer, merged)
	if len(next) > 0 {
		setText(answer, "next_page_token", atSites+strings.Join(next, ","))
	}
	return answer
}

// some reads so many rows of a site, in as many pages as it gives them; nil: it is away by now.
func (l siteList) some(from cursor, count int) ([]proto.Message, string) {
	rows := []proto.Message{}
	for {
		page := l.pages([]siteRequest{{from.site, l.asked(from.token, int32(count-len(rows)))}})[0]
		if page == nil {
			return nil, ""
		}
		rows, from.token = append(rows, rowsOf(page)...), nextToken(page)
		if len(rows) >= count || from.token == "" {
			return rows, from.token
		}
	}
}

func (l siteList) asked(token string, size int32) proto.Message {
	asked := proto.Clone(l.request)
	message := asked.ProtoReflect()
	page := message.Mutable(message.Descriptor().Fields().ByName("page")).Message().Interface().(*commonv1.Page)
	page.Token, page.Size = token, size
	return asked
}

// cursors reads where each site goes on; those that are not named have no more.
func (l siteList) cursors() ([]cursor, error) {
	found, token := []cursor{}, pageOf(l.request).GetToken()
	if token == "" {
		for _, site := range l.sites {
			found = append(found, cursor{site: site})
		}
		return found, nil
	}
	parts, isOurs := strings.CutPrefix(token, atSites)
	for part := range strings.SplitSeq(parts, ",") {
		id, rest, _ := strings.Cut(part, "/")
		token, err := url.QueryUnescape(rest)
		place := slices.IndexFunc(l.sites, func(site *Site) bool { return site.ID == id })
		if !isOurs || err != nil || place < 0 {
			return nil, foreignToken()
		}
		found = append(found, cursor{l.sites[place], token})
	}
	return found, nil
}

// counts tells how many rows of each site belong to a page of all. It ends with the last row of a
// site that has more: what comes next is not known there.
func (o order) counts(pages []proto.Message, size int) []int {
	counts, rows := make([]int, len(pages)), make([][]proto.Message, len(pages))
	for place, page := range pages {
		rows[place] = rowsOf(page)
		if len(rows[place]) == 0 && nextToken(page) != "" {
			return counts
		}
	}
	ended, direction := false, o.direction()
	var last proto.Message
	for {
		least := -1
		for place := range pages {
			if counts[place] < len(rows[place]) &&
				(least < 0 || direction(rows[place][counts[place]], rows[least][counts[least]]) < 0) {
				least = place
			}
		}
		if least < 0 {
			return counts
		}
		row := rows[least][counts[least]]
		isSame := o.isOnce && last != nil && o.compare(last, row) == 0
		if (ended || size == 0) && !isSame {
			return counts
		}
		if !isSame {
			size--
		}
		last = row
		counts[least]++
		ended = ended || counts[least] == len(rows[least]) && nextToken(pages[least]) != ""
	}
}

// direction compares rows as they come.
func (o order) direction() func(one, other proto.Message) int {
	if o.isDescending {
		return func(one, other proto.Message) int { return o.compare(other, one) }
	}
	return o.compare
}

// orderOf gives the order that a list is to have over all sites; nil: site by site is good enough.
func orderOf(method *Method, request proto.Message) *order {
	asked, isOrdered := request.(interface {
		GetOrderBy() commonv1.OrderBy
		GetDescending() bool
	})
	switch {
	case method.Merge == MergeLatestFirst:
		return &order{compare: byMoment, isDescending: true}
	case method.Merge == MergeObjects:
		// A project or account is at each site.
		return &order{compare: byObject, isOnce: true}
	case !isOrdered:
		return nil
	case asked.GetOrderBy() == commonv1.OrderBy_ORDER_BY_NAME:
		return &order{compare: byName, isDescending: asked.GetDescending()}
	case asked.GetOrderBy() == commonv1.OrderBy_ORDER_BY_CREATED_AT:
		return &order{compare: byCreation, isDescending: asked.GetDescending()}
	case asked.GetOrderBy() == commonv1.OrderBy_ORDER_BY_UNSPECIFIED && method.Merge == MergeNewestFirst:
		return &order{compare: byCreation, isDescending: !asked.GetDescending()}
	case asked.GetDescending() || asked.GetOrderBy() != commonv1.OrderBy_ORDER_BY_UNSPECIFIED:
		return &order{compare: byID, isDescending: asked.GetDescending()}
	}
	return nil
}

func byID(one, other proto.Message) int {
	return strings.Compare(listedAs(one).GetId(), listedAs(other).GetId())
}

func byName(one, other proto.Message) int {
	return cmp.Or(strings.Compare(listedAs(one).GetName(), listedAs(other).GetName()), byID(one, other))
}

func byCreation(one, other proto.Message) int {
	return cmp.Or(compareMoments(listedAs(one).GetCreatedAt(), listedAs(other).GetCreatedAt()), byID(one, other))
}

// listedAs gives the metadata of a row; of a word of the registries, such as a capability, its name is all it has.
func listedAs(row proto.Message) *commonv1.Metadata {
	if word, ok := row.(interface {
		GetName() string
		GetCreatedAt() *timestamppb.Timestamp
	}); ok {
		return &commonv1.Metadata{Id: word.GetName(), Name: word.GetName(), CreatedAt: word.GetCreatedAt()}
	}
	return metadataOf(row)
}

func byObject(one, other proto.Message) int {
	return strings.Compare(textOf(one.ProtoReflect(), "object_id"), textOf(other.ProtoReflect(), "object_id"))
}

// byMoment compares events of the audit.
func byMoment(one, other proto.Message) int {
	mine, its := one.(*commonv1.AuditEvent), other.(*commonv1.AuditEvent)
	return cmp.Or(compareMoments(mine.At, its.At), cmp.Compare(mine.Revision, its.Revision))
}

func compareMoments(one, other *timestamppb.Timestamp) int {
	return cmp.Or(cmp.Compare(one.GetSeconds(), other.GetSeconds()), cmp.Compare(one.GetNanos(), other.GetNanos()))
}

func nextToken(page proto.Message) string { return textOf(page.ProtoReflect(), "next_page_token") }
