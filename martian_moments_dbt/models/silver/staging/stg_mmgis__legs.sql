{#
    Perseverance's legs say where they begin and end, Curiosity's say only their Length. Properties are read one by one from
    the text of all: length and Length would be one name in a typed parse.
#}
with documents as (
    select * from {{ bronze('raw_traverse') }}
    where kind = 'traverse' and source = 'mmgis'
),

records as (
    {{ records(
        'documents',
        'features',
        keep={'rover': 'rover'},
        fields={'properties': 'properties', 'geometry': 'geometry'},
    ) }}
),

valid as (
    select
        rover,
        position,
        {{ valid_json('properties') }} as properties,
        {{ valid_json('geometry') }} as geometry
    from records
),

renamed as (
    select
        rover,
        position,
        properties,
        {{ known('sol', to_sol(text_field('properties', 'sol'))) }} as sol,
        {{ text_field('properties', 'fromRMC') }} as from_rmc,
        {{ text_field('properties', 'toRMC') }} as to_rmc,
        coalesce(
            {{ known('length', to_double(text_field('properties', 'length'))) }},
            {{ known('length', to_double(text_field('properties', 'Length'))) }}
        ) as length_m,
        {{ known('clock', to_integer(text_field('properties', 'SCLK_START'))) }} as sclk_start,
        {{ known('clock', to_integer(text_field('properties', 'SCLK_END'))) }} as sclk_end,
        geometry
    from valid
)

select * from renamed
