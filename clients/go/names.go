package mulligan

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "mulligan.internal/client/gen/metav1"
)

var uuid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// How many names ResolveNames takes.
const namesPerCall = 1000

// place is where in a request a reference is, and the UUID of the region around it, if there is one.
type place struct {
	holder protoreflect.Message
	field  protoreflect.FieldDescriptor
	region string
}

// withIDs gives a request with ids in the place of names; itself, if it has no names.
func withIDs(ctx context.Context, meta *MetaService, method *Method, request proto.Message) (proto.Message, error) {
	if !hasNames(method, request) {
		return request, nil
	}
	changed := proto.Clone(request)
	// Projects and regions come first: they say where the others are looked for.
	for _, within := range []bool{false, true} {
		for _, reference := range method.References {
			if (objects[reference.Types[0]].Naming != NamingInstallation) != within {
				continue
			}
			if err := replaceNames(ctx, meta, method, changed, reference); err != nil {
				return nil, err
			}
		}
	}
	return changed, nil
}

func hasNames(method *Method, request proto.Message) bool {
	for _, reference := range method.References {
		if slices.ContainsFunc(textsAt(request.ProtoReflect(), reference.Path), isName) {
			return true
		}
	}
	return false
}

func isName(text string) bool { return !uuid.MatchString(text) }

// replaceNames puts ids into the place of the names to which a reference leads.
func replaceNames(ctx context.Context, meta *MetaService, method *Method, request proto.Message, reference Reference) error {
	holding, regions := map[string][]place{}, []string{}
	for _, one := range placesOf(method, request.ProtoReflect(), reference.Path, 0, "") {
		if !slices.Contains(regions, one.region) {
			regions = append(regions, one.region)
		}
		holding[one.region] = append(holding[one.region], one)
	}
	for _, region := range regions {
		names := []string{}
		for _, one := range holding[region] {
			names = append(names, textsIn(one.holder, one.field)...)
		}
		names = slices.DeleteFunc(names, uuid.MatchString)
		slices.Sort(names)
		ids, err := find(ctx, meta, reference, slices.Compact(names), first(textsAt(request.ProtoReflect(), Path{"project"})), region)
		if err != nil {
			return err
		}
		for _, one := range holding[region] {
			replaceTexts(one.holder, one.field, ids)
		}
	}
	return nil
}

// placesOf gives the places to which a path leads, each with the region that is said nearest to it.
func placesOf(method *Method, message protoreflect.Message, path Path, depth int, around string) []place {
	shortest := 0
	for _, reference := range method.References {
		if !slices.Equal(reference.Types, []string{"region"}) || !branches(reference.Path, path, depth) {
			continue
		}
		said := first(textsAt(message, reference.Path[depth:]))
		if said != "" && (shortest == 0 || len(reference.Path) < shortest) {
			around, shortest = said, len(reference.Path)
		}
	}
	found := []place{}
	visit(message, path[depth:depth+1], func(holder protoreflect.Message, field protoreflect.FieldDescriptor) {
		switch {
		case depth == len(path)-1:
			found = append(found, place{holder, field, around})
		case field.IsList():
			list := holder.Get(field).List()
			for index := range list.Len() {
				found = append(found, placesOf(method, list.Get(index).Message(), path, depth+1, around)...)
			}
		case holder.Has(field):
			found = append(found, placesOf(method, holder.Get(field).Message(), path, depth+1, around)...)
		}
	})
	return found
}

// branches tells whether one path leaves another just at this depth.
func branches(one, other Path, depth int) bool {
	return len(one) > depth && slices.Equal(one[:depth], other[:depth]) && one[depth] != other[depth]
}

// find gives the ids of what a reference may mean by each name, in a project and region. Sites that
// are away matter only for names that no type has.
func find(ctx context.Context, meta *MetaService, reference Reference, names []string, project, region string) (map[string]string, error) {
	ids, lacking := map[string]string{}, []siteFailure{}
	sites, isRouted := meta.caller.(*routed)
	if isRouted {
		meta = &MetaService{caller: quietly{sites, &lacking}}
	}
	isLost := func(name string) bool { return ids[name] == "" }
	for some := range slices.Chunk(names, namesPerCall) {
		for _, referred := range reference.Types {
			for _, objectType := range objects[referred].FoundAs {
				asked := &metav1.ResolveNamesRequest{ObjectType: objectType, Names: some}
				switch objects[objectType].Naming {
				case NamingProject:
					asked.Project = project
				case NamingRegion:
					asked.Region = region
				}
				err := findSome(ctx, meta, reference, asked, ids)
				if err != nil && (ctx.Err() != nil || !isAway(err) || slices.ContainsFunc(some, isLost)) {
					return nil, err
				}
			}
		}
	}
	if place := slices.IndexFunc(names, isLost); place >= 0 {
		if isRouted {
			if err := sites.tell(lacking); err != nil {
				return nil, err
			}
		}
		return nil, nameError("NOT_FOUND", codes.NotFound, reference, names[place], "no %s is called %q")
	}
	return ids, nil
}

func findSome(ctx context.Context, meta *MetaService, reference Reference, asked *metav1.ResolveNamesRequest, ids map[string]string) error {
	answer, err := meta.ResolveNames(ctx, asked)
	if err != nil {
		return err
	}
	for _, found := range answer.Objects {
		if id, known := ids[found.Asked]; known && id != found.Id {
			return nameError("AMBIGUOUS_NAME", codes.FailedPrecondition, reference, found.Asked, "several objects of type %s are called %q; give the UUID of the one you mean")
		}
		ids[found.Asked] = found.Id
	}
	return nil
}

func nameError(code string, said codes.Code, reference Reference, name, words string) *Error {
	types := strings.Join(reference.Types, " or ")
	return &Error{Code: code, Status: said, Message: fmt.Sprintf(words, types, name), ObjectType: types, ObjectID: name}
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

func textsAt(message protoreflect.Message, path Path) []string {
	texts := []string{}
	visit(message, path, func(holder protoreflect.Message, field protoreflect.FieldDescriptor) {
		texts = append(texts, textsIn(holder, field)...)
	})
	return texts
}

// textsIn gives the texts of a field, those that are not empty.
func textsIn(holder protoreflect.Message, field protoreflect.FieldDescriptor) []string {
	texts := []string{}
	switch value := holder.Get(field).Interface().(type) {
	case string:
		texts = append(texts, value)
	case protoreflect.List:
		for index := range value.Len() {
			texts = append(texts, value.Get(index).String())
		}
	}
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

func replaceTexts(holder protoreflect.Message, field protoreflect.FieldDescriptor, by map[string]string) {
	if !field.IsList() {
		if id := by[holder.Get(field).String()]; id != "" {
			holder.Set(field, protoreflect.ValueOfString(id))
		}
		return
	}
	list := holder.Get(field).List()
	for index := range list.Len() {
		if id := by[list.Get(index).String()]; id != "" {
			list.Set(index, protoreflect.ValueOfString(id))
		}
	}
}

// visit calls with each message that has the last field of a path; what is not there has none.
func visit(message protoreflect.Message, path Path, call func(protoreflect.Message, protoreflect.FieldDescriptor)) {
	field := message.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case field == nil:
	case len(path) == 1:
		call(message, field)
	case field.IsList():
		list := message.Get(field).List()
		for place := range list.Len() {
			visit(list.Get(place).Message(), path[1:], call)
		}
	case message.Has(field):
		visit(message.Get(field).Message(), path[1:], call)
	}
}
