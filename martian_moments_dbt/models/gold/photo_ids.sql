{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='id',
    full_refresh=false,
    on_schema_change='append_new_columns',
    **with_less_memory(),
) }}
{#
    A number for every photo, as people and programs that knew the v1 API have them: v1's own wherever one of its documents has
    the picture, else one that follows from the file's name. What was given once stays: a row never goes, also where its picture
    does, and no number is ever that of another picture. A new warehouse begins with the numbers that are published
    (warehouse/base.py), so that they outlive it.

    Sols of which everything is as it was at the last build are not looked at again: neither the photos that are selected
    (observed_sols) nor v1's document. Where one has changed, all photos and numbers of its pictures are matched anew, in this
    order: v1's numbers with the photo that they had, with a photo of the same file, with one of the same picture; then the other
    numbers likewise. Photos that are left get a new number. Numbers that are left lead to a photo of their picture.
#}
{%- set numbers = var('photo_ids') %}
{%- set rounds = [
    ('v1', 'photo_key'), ('v1', 'product'), ('v1', 'picture'), ('derived', 'photo_key'), ('derived', 'product'),
] %}
{%- set held = this if is_incremental() else no_photo_ids() %}
with sols as (
    select
        observed.object_key,
        numbered.object_key as numbered_in,
        concat_ws(
            '|',
            observed.version,
            case when numbered.object_key != observed.object_key then numbered.etag else '' end
        ) as version
    from {{ ref('observed_sols') }} as observed
    left join {{ ref('photo_documents') }} as numbered
        on observed.rover = numbered.rover and observed.sol = numbered.sol and numbered.source = 'v1'
),

-- Distinct first: these are few.
versions as (
    select distinct version
    from {{ held }}
    where version is not null
),

changed as (
    select *
    from sols
    {%- if not flags.FULL_REFRESH %}
    where version not in (select version from versions)
    {%- endif %}
),

outdated as (
    select version from versions
    {%- if not flags.FULL_REFRESH %}
    where version not in (select version from sols)
    {%- endif %}
),

arrived as (
    select
        photos.photo_key,
        photos.rover,
        photos.sol,
        {{ product_of('photos') }} as product,
        photos.product_identity,
        coalesce(photos.is_thumbnail, false) as is_thumbnail,
        changed.version
    from changed
    inner join {{ ref('photo_records') }} as photos on changed.object_key = photos.object_key
),

-- Where v1's documents came from. The list is never empty: DuckDB would read every document for an empty one.
-- The maximum, of one document each, is taken of these alone; else DuckDB asks all for their hosts (0.9 s).
origins as (
    select
        object_key,
        max({{ host_of_first_request('document') }}) as host
    from {{ bronze('raw_photos') }}
    where
        source = 'v1'
        and object_key in (
            select numbered_in from changed
            where numbered_in is not null
            union all
            select '' as numbered_in
        )
    group by object_key
),

-- Mirrors of v1 have numbers of their own: those from its own hosts count, and those from no address.
reported as (
    select
        try_cast(photos.source_id as integer) as id,
        photos.rover,
        photos.photo_key,
        {{ product_of('photos') }} as product,
        photos.product_identity,
        coalesce(photos.is_thumbnail, false) as is_thumbnail,
        photos.fetched_at,
        photos.object_key
    from changed
    inner join {{ ref('source_photos') }} as photos on changed.numbered_in = photos.object_key
    inner join origins on changed.numbered_in = origins.object_key
    where
        coalesce(origins.host, '') in (
            ''
            {%- for host in numbers.hosts %}, '{{ host }}'{% endfor %}
        )
        and (
            try_cast(photos.source_id as integer) between 1 and {{ numbers.first - 1 }}
            or try_cast(photos.source_id as integer) >= {{ numbers.first_of_names }}
        )
),

-- Few are, mostly none: a window over every report would take longer.
reported_twice as (
    select id
    from reported
    group by id
    having count(*) > 1
),

outdone as (
    select
        photo_key,
        object_key
    from reported
    where id in (select id from reported_twice)
    qualify row_number() over (partition by id order by rover asc, fetched_at desc, object_key desc) > 1
),

reported_before as (
    select
        id,
        rover,
        method,
        case when is_current then photo_key end as photo_key
    from {{ held }}
    where id in (select id from reported)
),

-- Of two rovers with one number the first keeps it, and a picture of ours that it was given to.
numbered as (
    select
        reported.id,
        reported.rover,
        coalesce(arrived.photo_key, reported_before.photo_key) as photo_key,
        reported.product,
        reported.product_identity,
        reported.is_thumbnail,
        'v1' as method
    from reported
    left join reported_before on reported.id = reported_before.id
    left join arrived on reported.photo_key = arrived.photo_key
    left join outdone on reported.photo_key = outdone.photo_key and reported.object_key = outdone.object_key
    where
        outdone.photo_key is null
        and coalesce(reported_before.method, 'v1') = 'v1'
        and coalesce(reported_before.rover, reported.rover) = reported.rover
),

looked_at as (
    select
        rover,
        {{ picture() }} as picture
    from arrived
    union
    select
        rover,
        {{ picture() }} as picture
    from numbered
    union
    select
        rover,
        {{ picture() }} as picture
    from {{ held }}
    where version in (select version from outdated)
),

concerned as (
    select held.*
    from {{ held }} as held
    inner join looked_at on held.rover = looked_at.rover and {{ picture('held') }} = looked_at.picture
),

known as (
    select * from numbered
    union all
    select
        id,
        rover,
        case when is_current then photo_key end as photo_key,
        product,
        product_identity,
        is_thumbnail,
        method
    from concerned
    where id not in (select id from numbered)
),

photos as (
    select * from arrived
    union all
    select
        photo_key,
        rover,
        sol,
        product,
        product_identity,
        is_thumbnail,
        version
    from concerned
    where
        is_current
        and version not in (select version from outdated)
        and photo_key not in (select photo_key from arrived)
),

{{ matched_in_rounds('photos', 'known', rounds) }},

-- From a digest of the file's name; where that number is taken, the next of those that are kept free for it.
named as (
    select
        photo_key,
        rover || '|' || product as name,
        {{ numbers.first_of_names }}
        + {{ leading_bits("md5(rover || '|' || product)") }}
        % {{ numbers.below - numbers.first_of_names }} as id
    from photos
    where photo_key not in (select photo_key from matched)
),

taken as (
    select id from {{ held }}
    where id in (select id from named)
    union
    select id from numbered
),

claimed as (
    select
        named.*,
        taken.id is null
        and row_number() over (partition by named.id order by named.name, named.photo_key) = 1 as is_free
    from named
    left join taken on named.id = taken.id
),

last_given as (
    select coalesce(max(id), {{ numbers.first - 1 }}) as id
    from {{ held }}
    where id between {{ numbers.first }} and {{ numbers.first_of_names - 1 }}
),

given as (
    select
        photo_key,
        id
    from claimed
    where is_free
    union all
    select
        claimed.photo_key,
        last_given.id + row_number() over (order by claimed.name, claimed.photo_key) as id
    from claimed
    cross join last_given
    where not claimed.is_free
),

unmatched as (
    select * from known
    where id not in (select id from matched)
),

-- A number without a photo of its own leads to that of the same file, else to the picture.
left_over as (
    select
        unmatched.*,
        photos.photo_key as leads_to,
        photos.sol
    from unmatched
    left join photos
        on
            unmatched.rover = photos.rover
            and {{ picture('unmatched') }} = {{ picture('photos') }}
    qualify
        row_number() over (
            partition by unmatched.id
            order by
                case when unmatched.product = photos.product then 0 else 1 end,
                photos.is_thumbnail,
                photos.product,
                photos.photo_key
        ) = 1
)

select
    cast(matched.id as integer) as id,
    photos.rover,
    photos.sol,
    photos.photo_key,
    photos.product,
    photos.product_identity,
    known.method,
    true as is_current,
    photos.is_thumbnail,
    photos.version
from photos
inner join matched on photos.photo_key = matched.photo_key
inner join known on matched.id = known.id
union all
select
    cast(given.id as integer) as id,
    photos.rover,
    photos.sol,
    photos.photo_key,
    photos.product,
    photos.product_identity,
    'derived' as method,
    true as is_current,
    photos.is_thumbnail,
    photos.version
from photos
inner join given on photos.photo_key = given.photo_key
union all
select
    id,
    rover,
    sol,
    leads_to as photo_key,
    product,
    product_identity,
    method,
    false as is_current,
    is_thumbnail,
    null as version
from left_over
