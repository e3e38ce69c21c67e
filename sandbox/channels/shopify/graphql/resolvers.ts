import type { GraphQLFieldResolver } from "graphql";
import type { Context } from "./context.ts";

// biome-ignore lint/suspicious/noExplicitAny: each resolver names the source and arguments of its own field.
export type Resolver = GraphQLFieldResolver<any, Context, any>;
export type Resolvers = Record<string, Record<string, Resolver>>;
